/** The files on their way, and those that did not arrive. */

import { Button } from "@/ui/button";
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
  if (uploads.length === 0) return null;
  return (
    <div className={styles.list}>
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
  const sent = uploads.filter(hasArrived).length;
  const left = uploads.filter(isOnItsWay).length;
  return (
    <div className={styles.head}>
      <p role="status">
        {left > 0 ? `Sending ${left === 1 ? "1 file" : `${left} files`}…` : `Sent ${sent} of ${uploads.length}`}
      </p>
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
