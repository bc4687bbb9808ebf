/** Which groups a person is in. */

import { useState } from "react";
import type { User } from "@/api/types";
import form from "@/shell/form.module.css";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { ErrorNotice } from "@/ui/notice";
import { GroupField } from "./group-field";
import { allGroups, type Groups } from "./group-names";
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
  const [groups, setGroups] = useState<Groups>({ chosen: user.groups, typed: "" });
  const all = allGroups(groups);
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
          disabled={!all}
          onClick={() => all && save.mutate({ user, groups: all }, { onSuccess: onClose })}
        >
          Save
        </Button>
      </DialogFooter>
    </div>
  );
}
