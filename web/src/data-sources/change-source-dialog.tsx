/** How often a data source is synced and who may read its documents. */

import { useState } from "react";
import type { DataSourceSetup } from "@/api/types";
import { allReaders, type Readers } from "@/documents/access";
import { GrantField } from "@/documents/grant-field";
import form from "@/shell/form.module.css";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { Select } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { say } from "@/ui/toasts";
import { useChangeSource } from "./data-sources";
import { schedulesWith } from "./words";

interface ChangeSourceDialogProps {
  name: string;
  setup: DataSourceSetup;
  open: boolean;
  onClose: () => void;
}

export function ChangeSourceDialog({ name, setup, open, onClose }: ChangeSourceDialogProps) {
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={name}
      description="These may read its documents, from the next question on, unless the source itself says who may."
    >
      <ChangeForm name={name} setup={setup} onClose={onClose} />
    </Modal>
  );
}

function ChangeForm({ name, setup, onClose }: Omit<ChangeSourceDialogProps, "open">) {
  const [every, setEvery] = useState(setup.every_s === null ? "" : String(setup.every_s));
  const [readers, setReaders] = useState<Readers>({ grants: setup.grants, typed: "" });
  const change = useChangeSource();
  const grants = allReaders(readers);
  const save = () =>
    grants &&
    change.mutate(
      { name, every_s: every === "" ? null : Number(every), grants },
      {
        onSuccess: () => {
          onClose();
          say(`${name} is changed`);
        },
      },
    );
  return (
    <div className={form.form}>
      <Select label="How often it is synced" value={every} options={schedulesWith(setup.every_s)} onChange={setEvery} />
      <GrantField readers={readers} onChange={setReaders} />
      {change.isError && <ErrorNotice error={change.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button weight="primary" busy={change.isPending} disabled={!grants} onClick={save}>
          Save
        </Button>
      </DialogFooter>
    </div>
  );
}
