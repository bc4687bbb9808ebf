/** The files on their way, and those that did not arrive. */

import { Progress } from "@base-ui/react/progress";
import { RotateCcw, X } from "lucide-react";
import { explain } from "@/api/problem";
import type { Document } from "@/api/types";
import { Button, IconButton } from "@/ui/button";
import { StageProgress, StateBadge, StateReason } from "./document-state";
import { useNews } from "./documents";
import { dismiss, dismissFinished, sendAgain, useUploads, type UploadItem } from "./uploads";
import styles from "./upload-zone.module.css";

export function UploadList({ onSent }: { onSent: () => void }) {
  const uploads = useUploads();
  const news = useNews();
  if (uploads.length === 0) return null;
  const sent = uploads.filter((item) => item.state === "sent" || item.state === "unchanged").length;
  const left = uploads.filter((item) => item.state === "waiting" || item.state === "sending").length;
  return (
    <div className={styles.list}>
      <div className={styles.head}>
        <p role="status">
          {left > 0 ? `Sending ${left === 1 ? "1 file" : `${left} files`}…` : `Sent ${sent} of ${uploads.length}`}
        </p>
        {left < uploads.length && (
          <Button weight="ghost" small onClick={dismissFinished}>
            Clear
          </Button>
        )}
      </div>
      <ul>
        {uploads.map((item) => (
          <Upload key={item.key} item={item} document={news.get(item.id ?? "")} onSent={onSent} />
        ))}
      </ul>
    </div>
  );
}

interface UploadProps {
  item: UploadItem;
  /** What became of it on the server, as it goes. */
  document: Document | undefined;
  onSent: () => void;
}

function Upload({ item, document, onSent }: UploadProps) {
  return (
    <li className={styles.item} data-testid="upload" data-state={item.state}>
      <div>
        <p className={styles.name}>{item.file.name}</p>
        <UploadStatus item={item} />
        {document && <StageProgress document={document} />}
        {document && <StateReason document={document} />}
      </div>
      <div className={styles.buttons}>
        {document && <StateBadge state={document.state} />}
        {item.state === "failed" && explain(item.error).retry && (
          <IconButton small label={`Send ${item.file.name} again`} onClick={() => sendAgain(item.key, onSent)}>
            <RotateCcw size={15} />
          </IconButton>
        )}
        <IconButton
          small
          label={item.state === "sending" ? `Stop sending ${item.file.name}` : `Take ${item.file.name} off this list`}
          onClick={() => dismiss(item.key)}
        >
          <X size={15} />
        </IconButton>
      </div>
    </li>
  );
}

function UploadStatus({ item }: { item: UploadItem }) {
  if (item.state === "sending") {
    return (
      <Progress.Root value={Math.round(item.progress * 100)} aria-label={`Sending ${item.file.name}`}>
        <Progress.Track className={styles.track}>
          <Progress.Indicator className={styles.bar} />
        </Progress.Track>
      </Progress.Root>
    );
  }
  if (item.state === "failed") {
    return (
      <p className={styles.status} data-state="failed" role="alert">
        {explain(item.error).detail}
      </p>
    );
  }
  if (item.state === "unchanged") return <p className={styles.status}>Already here, word for word.</p>;
  if (item.state === "waiting") return <p className={styles.status}>Waits for its turn.</p>;
  return null;
}
