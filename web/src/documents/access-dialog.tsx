/** Who may read a document: a list of people and groups that an editor can change. */

import { X } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import type { Document } from "@/api/types";
import { useSignedIn } from "@/shell/session";
import { Button, IconButton } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/notice";
import { say } from "@/ui/toasts";
import { grantLabel, toGrant } from "./access";
import { useSetGrants } from "./documents";
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
  const [grants, setGrants] = useState(document.grants ?? []);
  const save = useSetGrants();
  const add = (grant: string) => setGrants((current) => (current.includes(grant) ? current : [...current, grant]));
  const submit = () =>
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
      <ul className={styles.grants} aria-label="May read it">
        {grants.map((grant) => (
          <li key={grant} className={styles.grant} data-testid="grant">
            {grantLabel(grant)}
            <IconButton
              small
              label={`Remove ${grantLabel(grant)}`}
              onClick={() => setGrants(grants.filter((one) => one !== grant))}
            >
              <X size={14} />
            </IconButton>
          </li>
        ))}
      </ul>
      {grants.length === 0 && (
        <Notice tone="warning">A document needs at least one reader. Add yourself, or delete it.</Notice>
      )}
      <AddGrant onAdd={add} taken={grants} />
      {save.isError && <ErrorNotice error={save.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          weight="primary"
          busy={save.isPending}
          disabled={grants.length === 0}
          onClick={submit}
          data-testid="save-access"
        >
          Save
        </Button>
      </DialogFooter>
    </div>
  );
}

function AddGrant({ onAdd, taken }: { onAdd: (grant: string) => void; taken: string[] }) {
  const { groups, email } = useSignedIn();
  const [text, setText] = useState("");
  const grant = toGrant(text);
  const suggestions = ["everyone", ...groups.map((group) => `group:${group}`), `user:${email}`];
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!grant) return;
    onAdd(grant);
    setText("");
  };
  return (
    <form onSubmit={submit} className={styles.add}>
      <div className={styles.addRow}>
        <TextField
          label="Add a person or a group"
          placeholder="name@company.com or a group"
          maxLength={250}
          value={text}
          onChange={setText}
        />
        <Button type="submit" disabled={!grant}>
          Add
        </Button>
      </div>
      <div className={styles.suggestions}>
        {suggestions
          .filter((suggestion) => !taken.includes(suggestion))
          .map((suggestion) => (
            <Button key={suggestion} small onClick={() => onAdd(suggestion)}>
              + {grantLabel(suggestion)}
            </Button>
          ))}
      </div>
    </form>
  );
}
