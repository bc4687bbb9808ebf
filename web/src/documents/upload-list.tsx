/** The files on their way, and those that did not arrive. */

import { useRef } from "react";
import { Button } from "@/ui/button";
import { useKeptFocus } from "@/ui/kept-focus";
import { useNews } from "./documents";
import { UploadRow } from "./upload-row";
import {
  canBeSentAgain,
  dismissSettled,
  hasArrived,
  isSettled,
  isOnItsWay,
  sendFailedAgain,
  stopAll,
  useUploads,
  type UploadItem,
} from "./uploads";
import styles from "./upload-zone.module.css";

export function UploadList() {
  const uploads = useUploads();
  const news = useNews();
  const list = useRef<HTMLDivElement>(null);
  const kept = useKeptFocus(list);
  // There also while it is empty: what is said in a place that was not there before is not read out.
  return (
    <div className={styles.list} role="group" aria-label="Files sent" ref={list} {...kept}>
      <UploadSummary uploads={uploads} />
      <ul>
        {uploads.map((item) => (
          <UploadRow key={item.key} item={item} document={news.get(item.id ?? "")} />
        ))}
      </ul>
    </div>
  );
}

/** How many there are, and what can be done with all of them. */
function UploadSummary({ uploads }: { uploads: readonly UploadItem[] }) {
  const left = uploads.filter(isOnItsWay).length;
  return (
    <div className={styles.head} data-empty={uploads.length === 0 || undefined}>
      <p role="status">{summary(uploads)}</p>
      <div className={styles.buttons}>
        {uploads.some(canBeSentAgain) && (
          <Button weight="ghost" small onClick={sendFailedAgain}>
            Send failed again
          </Button>
        )}
        {left > 0 && (
          <Button weight="ghost" small onClick={stopAll}>
            Stop all
          </Button>
        )}
        {uploads.some(isSettled) && (
          <Button weight="ghost" small onClick={dismissSettled}>
            Clear
          </Button>
        )}
      </div>
    </div>
  );
}

function summary(uploads: readonly UploadItem[]): string {
  const left = uploads.filter(isOnItsWay).length;
  if (left > 0) return `Sending ${left === 1 ? "1 file" : `${left} files`}…`;
  return uploads.length > 0 ? `Sent ${uploads.filter(hasArrived).length} of ${uploads.length}` : "";
}
