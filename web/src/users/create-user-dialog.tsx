/** A new person. Their sign-in link is shown once, to be sent to them. */

import { useState, type SyntheticEvent } from "react";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import form from "@/shell/form.module.css";
import { GroupField } from "./group-field";
import { allGroups, type Groups } from "./group-names";
import { LinkDialog } from "./link-dialog";
import { useCreateUser } from "./people";

export function CreateUserDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const create = useCreateUser();
  const close = () => {
    create.reset();
    onClose();
  };
  if (create.data) return <LinkDialog link={create.data.sign_in_url} email={create.data.email} onClose={close} />;
  return (
    <Modal open={open} onClose={close} title="Add a person">
      <CreateUserForm create={create} onClose={close} />
    </Modal>
  );
}

function CreateUserForm({ create, onClose }: { create: ReturnType<typeof useCreateUser>; onClose: () => void }) {
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [groups, setGroups] = useState<Groups>({ chosen: [], typed: "" });
  const all = allGroups(groups);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (all) create.mutate({ email: email.trim(), name: name.trim(), groups: all, is_admin: false });
  };
  return (
    <form className={form.form} onSubmit={submit} data-testid="create-user-form">
      <TextField
        label="E-mail address"
        type="email"
        required
        maxLength={254}
        autoComplete="off"
        value={email}
        onChange={setEmail}
      />
      <TextField label="Name" maxLength={200} autoComplete="off" value={name} onChange={setName} />
      <GroupField groups={groups} onChange={setGroups} />
      {create.isError && <ErrorNotice error={create.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button weight="primary" type="submit" busy={create.isPending} disabled={!all}>
          Add
        </Button>
      </DialogFooter>
    </form>
  );
}
