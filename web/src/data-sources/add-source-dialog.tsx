/** A new data source: its kind first, then what that kind needs. */

import { useState, type SyntheticEvent } from "react";
import type { Connector } from "@/api/types";
import { allReaders, type Readers } from "@/documents/access";
import { GrantField } from "@/documents/grant-field";
import form from "@/shell/form.module.css";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { Select, TextField } from "@/ui/field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/notice";
import { say } from "@/ui/toasts";
import { useAddSource, useConnectors } from "./data-sources";
import { OptionFields } from "./option-fields";
import { collected, type Typed } from "./options";
import { connectorWord, SCHEDULES } from "./words";
import styles from "./data-sources.module.css";

export function AddSourceDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { data, error, refetch } = useConnectors();
  const connectors = data?.items ?? [];
  return (
    <Modal open={open} onClose={onClose} title="Add a data source">
      {!data && !error && <Skeleton lines={5} />}
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {connectors.length > 0 && <AddForm connectors={connectors} onClose={onClose} />}
    </Modal>
  );
}

function AddForm({ connectors, onClose }: { connectors: Connector[]; onClose: () => void }) {
  const [kind, setKind] = useState(connectors[0]?.name ?? "");
  const [name, setName] = useState("");
  const [typed, setTyped] = useState<Typed>({});
  const [readers, setReaders] = useState<Readers>({ grants: [], typed: "" });
  const [every, setEvery] = useState<string>("3600");
  const [malformed, setMalformed] = useState("");
  const add = useAddSource();
  const connector = connectors.find((one) => one.name === kind);
  const grants = allReaders(readers);
  if (!connector) return null;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!grants) return;
    setMalformed("");
    try {
      const { options, secrets } = collected(connector, typed);
      const every_s = every === "" ? null : Number(every);
      add.mutate(
        { name: name.trim(), connector: kind, options, secrets, grants, every_s, sync: true },
        {
          onSuccess: () => {
            onClose();
            say(`${name.trim()} is added and being synced`);
          },
        },
      );
    } catch (error) {
      setMalformed(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form className={form.form} onSubmit={submit} data-testid="add-source-form">
      <div>
        <Select
          label="Kind of data source"
          value={kind}
          options={connectors.map((one) => ({ value: one.name, label: connectorWord(one.name) }))}
          onChange={setKind}
        />
        <p className={styles.hint}>{connector.description}</p>
      </div>
      <TextField
        label="Name"
        hint="As it is shown with each of its documents."
        required
        maxLength={100}
        autoComplete="off"
        value={name}
        onChange={setName}
      />
      <OptionFields
        key={kind}
        options={connector.options}
        typed={typed}
        onChange={(option, text) => setTyped({ ...typed, [option]: text })}
      />
      <fieldset className={styles.readers}>
        <legend>Who may read its documents</legend>
        <GrantField readers={readers} onChange={setReaders} />
        {grants?.length === 0 && <p className={styles.hint}>Nobody yet but you.</p>}
      </fieldset>
      <Select label="How often it is synced" value={every} options={SCHEDULES} onChange={setEvery} />
      {malformed && (
        <div role="alert">
          <Notice tone="danger">{malformed}</Notice>
        </div>
      )}
      {add.isError && <ErrorNotice error={add.error} />}
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button weight="primary" type="submit" busy={add.isPending} disabled={!grants}>
          Add and sync
        </Button>
      </DialogFooter>
    </form>
  );
}
