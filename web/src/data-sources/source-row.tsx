/** One data source: how it does, when it is synced next, and what somebody has to decide. */

import { RefreshCw } from "lucide-react";
import { useState } from "react";
import type { DataSource, DataSourceSetup } from "@/api/types";
import { Button } from "@/ui/button";
import { Facts } from "@/ui/facts";
import { Notice } from "@/ui/notice";
import { sayError } from "@/ui/toasts";
import { useSeconds } from "@/ui/use-seconds";
import { ConfirmDeletions } from "./confirm-deletions";
import { useSyncSource } from "./data-sources";
import { FailedItems } from "./failed-items";
import { SourceMenu } from "./source-menu";
import { documentsWord } from "./uploaded-row";
import { connectorWord, lastSyncWords, nextWords, stateWord } from "./words";
import styles from "./data-sources.module.css";

interface SourceProps {
  source: DataSource;
  setup: DataSourceSetup;
}

export function SourceRow({ source, setup }: SourceProps) {
  const { name, connector, documents } = source;
  const sync = useSyncSource();
  return (
    <li className={styles.row} data-testid="data-source" data-name={name} data-state={setup.state}>
      <div className={styles.body}>
        <h2 className={styles.name}>{name}</h2>
        <div className={styles.facts}>
          <Facts of={[connectorWord(connector), addressOf(setup), documentsWord(documents)]} />
        </div>
        <Times setup={setup} />
        <Needs source={source} setup={setup} />
      </div>
      <p className={styles.state} data-state={setup.state}>
        <span className={styles.dot} aria-hidden="true" />
        {stateWord(setup.state)}
      </p>
      <div className={styles.actions}>
        <Button
          small
          busy={sync.isPending}
          disabled={setup.state === "syncing" || setup.paused}
          onClick={() => sync.mutate({ name, confirm: false }, { onError: sayError })}
          aria-label={`Sync ${name} now`}
          data-testid="sync-now"
        >
          <RefreshCw size={14} aria-hidden="true" /> Sync now
        </Button>
        <SourceMenu source={source} setup={setup} />
      </div>
    </li>
  );
}

/** The last sync and the next, as time passes. */
function Times({ setup }: { setup: DataSourceSetup }) {
  const now = useSeconds();
  return (
    <div className={styles.facts} data-testid="last-sync">
      <Facts of={[lastSyncWords(setup.sync, now), nextWords(setup, now)]} />
    </div>
  );
}

/** What does not mend itself. */
function Needs({ source, setup }: SourceProps) {
  const [shown, setShown] = useState<"failed" | "confirm" | null>(null);
  const { name } = source;
  const { sync, failed_items, failed_documents, state } = setup;
  const failed = failed_items + failed_documents;
  const close = () => setShown(null);
  return (
    <>
      {sync?.reason && sync.outcome !== "needs_confirmation" && (
        <p className={styles.reason} data-state={sync.outcome} data-testid="source-reason">
          {sync.reason}
        </p>
      )}
      {state === "needs_confirmation" && sync && (
        <Notice
          data-needs
          tone="warning"
          title={`${documentsWord(sync.unconfirmed)} ${sync.unconfirmed === 1 ? "is" : "are"} gone from the source`}
          actions={
            <Button small onClick={() => setShown("confirm")} data-testid="confirm-deletions">
              Delete {sync.unconfirmed === 1 ? "it" : "them"} here too…
            </Button>
          }
        >
          Nothing was deleted: so much at once may be a mistake. If it is one, put it right there and sync again.
        </Notice>
      )}
      {failed > 0 && (
        <Button small weight="ghost" onClick={() => setShown("failed")} data-testid="show-failed">
          {failed.toLocaleString("en")} failed: show why
        </Button>
      )}
      <FailedItems name={name} open={shown === "failed"} onClose={close} />
      <ConfirmDeletions name={name} count={sync?.unconfirmed ?? 0} open={shown === "confirm"} onClose={close} />
    </>
  );
}

/** Where it is: the option that says so, whatever the connector calls it. */
function addressOf({ options }: DataSourceSetup): string | null {
  for (const name of ["path", "url", "bucket", "host", "reader"]) {
    const value = options[name];
    if (typeof value === "string") return value;
  }
  return null;
}
