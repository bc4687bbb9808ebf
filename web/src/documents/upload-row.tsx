/** One file on its way, and what becomes of it. */

import { Progress } from "@base-ui/react/progress";
import { RotateCcw, X } from "lucide-react";
import { memo } from "react";
import { explain } from "@/api/problem";
import type { Document } from "@/api/types";
import { IconButton } from "@/ui/button";
import { StageProgress, StateBadge, StateReason } from "./document-state";
import { canBeSentAgain, dismiss, sendAgain, type UploadItem } from "./uploads";
import styles from "./upload-zone.module.css";

interface UploadRowProps {
  item: UploadItem;
  /** What became of it on the server, as it goes. */
  document: Document | undefined;
}

/** Drawn anew only when it changes: a thousand others may be on their way. */
export const UploadRow = memo(function UploadRow({ item, document }: UploadRowProps) {
  return (
    <li className={styles.item} data-testid="upload" data-state={item.state}>
      <div>
        <p className={styles.name} title={item.name}>
          {item.name}
        </p>
        <UploadStatus item={item} />
        {document && <StageProgress document={document} />}
        {document && <StateReason document={document} />}
      </div>
      <div className={styles.buttons}>
        {document && <StateBadge state={document.state} />}
        {canBeSentAgain(item) && (
          <IconButton small label={`Send ${item.name} again`} onClick={() => sendAgain(item.key)}>
            <RotateCcw size={15} />
          </IconButton>
        )}
        <IconButton
          small
          label={item.state === "sending" ? `Stop sending ${item.name}` : `Take ${item.name} off this list`}
          onClick={() => dismiss(item.key)}
        >
          <X size={15} />
        </IconButton>
      </div>
    </li>
  );
});

function UploadStatus({ item }: { item: UploadItem }) {
  if (item.state === "failed") {
    return (
      <p className={styles.status} data-state="failed" role="alert">
        {explain(item.error).detail}
      </p>
    );
  }
  if (item.state === "sending" && !item.error) return <Sending item={item} />;
  const words = statusWords(item);
  return words && <p className={styles.status}>{words}</p>;
}

function Sending({ item }: { item: UploadItem }) {
  return (
    <Progress.Root value={Math.round(item.progress * 100)} aria-label={`Sending ${item.name}`}>
      <Progress.Track className={styles.track}>
        <Progress.Indicator className={styles.bar} />
      </Progress.Track>
    </Progress.Root>
  );
}

function statusWords({ state, error, version }: UploadItem): string | null {
  if (state === "sending") return `${explain(error).title}. It is sent again in a moment, by itself.`;
  if (state === "unchanged") return "Already here, word for word.";
  if (state === "updated") return "Already here, word for word: only its readers or its date have changed.";
  if (state === "waiting") return "Waits for its turn.";
  // Whoever sent a new file by a name that was taken learns it here.
  return version !== null && version > 1 ? `Replaced version ${version - 1}.` : null;
}
