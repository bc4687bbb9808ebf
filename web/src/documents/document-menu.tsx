/** What can be done with a document: read the original, change who may read it, delete it. */

import { Download, MoreHorizontal, Trash2, UsersRound } from "lucide-react";
import { useState } from "react";
import { originalAddress } from "@/api/documents";
import type { Document } from "@/api/types";
import { useSignedIn } from "@/shell/session";
import { IconButton } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Menu, MenuItem, MenuLink, MenuSeparator } from "@/ui/menu";
import { say, sayError } from "@/ui/toasts";
import { isReadable } from "./access";
import { AccessDialog } from "./access-dialog";
import { useDeleteDocument } from "./documents";

interface DocumentMenuProps {
  document: Document;
  onDeleted?: () => void;
}

export function DocumentMenu({ document, onDeleted }: DocumentMenuProps) {
  const [dialog, setDialog] = useState<"access" | "delete" | null>(null);
  const remove = useDeleteDocument();
  const close = () => setDialog(null);
  const { id, title, can_edit } = document;
  const readable = isReadable(document, useSignedIn());
  const confirmDelete = () =>
    remove.mutate(id, {
      onSuccess: () => {
        close();
        say(`“${title}” is deleted`);
        onDeleted?.();
      },
      onError: sayError,
    });
  const trigger = (
    <IconButton hint={false} label={`More about “${title}”`} small data-testid="document-menu">
      <MoreHorizontal size={17} />
    </IconButton>
  );
  if (!readable && !can_edit) return null;
  return (
    <>
      <Menu trigger={trigger}>
        {readable && (
          <MenuLink icon={<Download size={16} />} link={<OriginalLink id={id} />}>
            Original file
          </MenuLink>
        )}
        {can_edit && (
          <>
            <MenuItem icon={<UsersRound size={16} />} onClick={() => setDialog("access")}>
              Who may read it
            </MenuItem>
            <MenuSeparator />
            <MenuItem icon={<Trash2 size={16} />} danger onClick={() => setDialog("delete")}>
              Delete
            </MenuItem>
          </>
        )}
      </Menu>
      {can_edit && <AccessDialog document={document} open={dialog === "access"} onClose={close} />}
      <Confirm
        open={dialog === "delete"}
        onClose={close}
        onConfirm={confirmDelete}
        busy={remove.isPending}
        title="Delete this document?"
        description={`“${title}” can no longer be found or cited, from now on and by nobody.`}
        action="Delete"
      />
    </>
  );
}

/** Opens where the reader stays: whether a browser shows the file or saves it, this page is still there. */
export function OriginalLink({ id, ...rest }: { id: string } & React.ComponentPropsWithRef<"a">) {
  return (
    <a href={originalAddress(id)} target="_blank" rel="noopener" data-testid="original" {...rest}>
      {rest.children}
    </a>
  );
}
