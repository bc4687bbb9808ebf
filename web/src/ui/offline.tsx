/** Says so while the browser has no network: what is shown stays, and goes on by itself. */

import { onlineManager } from "@tanstack/react-query";
import { WifiOff } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Notice } from "./notice";
import styles from "./notice.module.css";

export function Offline() {
  const online = useSyncExternalStore(
    (changed) => onlineManager.subscribe(changed),
    () => onlineManager.isOnline(),
  );
  return (
    <div role="status" className={styles.offline} data-testid="offline">
      {!online && (
        <Notice tone="warning" title="You are offline" icon={<WifiOff size={16} aria-hidden="true" />}>
          This is what was known last. It goes on by itself once there is a connection.
        </Notice>
      )}
    </div>
  );
}
