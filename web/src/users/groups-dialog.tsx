/** Which groups a person is in. */

import { useState } from "react";
import type { User } from "@/api/types";
import form from "@/shell/form.module.css";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { ErrorNotice } from "@/ui/notice";
import { GroupField } from "./group-field";
import { useSetGroups } from "./people";

interface GroupsDialogProps {
  user: User;
  open: boolean;
  onClose: () => void;
}

export function GroupsDialog({ user, open, onClose }: GroupsDialogProps) {
  return (
    <Modal open={open} onClose={onClose} title={`Groups of ${user.name || user.email}`}>
      <GroupsForm user={user} onClose={onClose} />
    </Modal>
  );
}

function GroupsForm({ user, onClose }: Omit<GroupsDialogProps, "open">) {
  const [groups, setGroups] = useState(user.groups);
  const save = useSetGroups();
  return (
    <div className={form.form}>
      <GroupField groups={groups} onChange={setGroups} />
      {save.isError && <ErrorNotice error={save.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          weight="primary"
          busy={save.isPending}
          onClick={() => save.mutate({ user, groups }, { onSuccess: onClose })}
        >
          Save
        </Button>
      </DialogFooter>
    </div>
  );
}
