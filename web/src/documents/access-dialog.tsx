/** Who may read a document: a list of people and groups that an editor can change. */

import { useState } from "react";
import type { Document } from "@/api/types";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { ErrorNotice, Notice } from "@/ui/notice";
import { say } from "@/ui/toasts";
import { allReaders, type Readers } from "./access";
import { useSetGrants } from "./documents";
import { GrantField } from "./grant-field";
import styles from "./access-dialog.module.css";

interface AccessDialogProps {
  document: Document;
  open: boolean;
  onClose: () => void;
}

export function AccessDialog({ document, open, onClose }: AccessDialogProps) {
  return (
    <Modal
      open={open}
      onClose={onClose}
      title="Who may read it"
      description={`“${document.title}” is found and cited only for these people and groups, from the next question on.`}
    >
      <AccessForm document={document} onClose={onClose} />
    </Modal>
  );
}

function AccessForm({ document, onClose }: Omit<AccessDialogProps, "open">) {
  const [readers, setReaders] = useState<Readers>({ grants: document.grants ?? [], typed: "" });
  const save = useSetGrants();
  const grants = allReaders(readers);
  const submit = () =>
    grants &&
    save.mutate(
      { id: document.id, grants },
      {
        onSuccess: () => {
          onClose();
          say("Access is changed");
        },
      },
    );
  return (
    <div className={styles.form}>
      <GrantField readers={readers} onChange={setReaders} />
      {grants?.length === 0 && (
        <Notice tone="warning">A document needs at least one reader. Add yourself, or delete it.</Notice>
      )}
      {save.isError && <ErrorNotice error={save.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          weight="primary"
          busy={save.isPending}
          disabled={!grants?.length}
          onClick={submit}
          data-testid="save-access"
        >
          Save
        </Button>
      </DialogFooter>
    </div>
  );
}
