/** Setting or changing one's own password. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { setPassword } from "@/api/sessions";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { say } from "@/ui/toasts";
import { useSignedIn } from "./session";
import styles from "./form.module.css";

const SHORTEST = 12;

export function PasswordDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { has_password } = useSignedIn();
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={has_password ? "Change password" : "Set a password"}
      description="With it and your e-mail address you can sign in on any device."
    >
      <PasswordForm onClose={onClose} changing={has_password} />
    </Modal>
  );
}

function PasswordForm({ onClose, changing }: { onClose: () => void; changing: boolean }) {
  const { email } = useSignedIn();
  const queries = useQueryClient();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const save = useMutation({
    mutationFn: () => setPassword(next, changing ? current : undefined),
    onSuccess: async () => {
      onClose();
      say("Your password is set");
      await queries.invalidateQueries({ queryKey: ["me"] });
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className={styles.form} onSubmit={submit} data-testid="password-form">
      <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
      {changing && (
        <TextField
          label="Current password"
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={setCurrent}
        />
      )}
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        required
        minLength={SHORTEST}
        hint={`At least ${SHORTEST} characters. A few unrelated words are easiest to remember.`}
        value={next}
        onChange={setNext}
      />
      {save.isError && <ErrorNotice error={save.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button weight="primary" type="submit" busy={save.isPending}>
          Save
        </Button>
      </DialogFooter>
    </form>
  );
}
