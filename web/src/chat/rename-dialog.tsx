/** Giving a conversation another name. */

import { useState, type SyntheticEvent } from "react";
import type { Conversation } from "@/api/types";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import form from "@/shell/form.module.css";
import { useRenameConversation } from "./conversations";

interface RenameDialogProps {
  conversation: Conversation;
  open: boolean;
  onClose: () => void;
}

export function RenameDialog({ conversation, open, onClose }: RenameDialogProps) {
  return (
    <Modal open={open} onClose={onClose} title="Rename conversation">
      <RenameForm conversation={conversation} onClose={onClose} />
    </Modal>
  );
}

function RenameForm({ conversation, onClose }: Omit<RenameDialogProps, "open">) {
  const [title, setTitle] = useState(conversation.title);
  const rename = useRenameConversation();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    rename.mutate({ id: conversation.id, title: title.trim() }, { onSuccess: onClose });
  };
  return (
    <form className={form.form} onSubmit={submit}>
      <TextField label="Name" required maxLength={200} value={title} onChange={setTitle} />
      {rename.isError && <ErrorNotice error={rename.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button weight="primary" type="submit" busy={rename.isPending} disabled={!title.trim()}>
          Rename
        </Button>
      </DialogFooter>
    </form>
  );
}
