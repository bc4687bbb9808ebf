/** What somebody should look at now; nothing where all is well. */

import { Link } from "react-router";
import type { AdminStatus } from "@/api/types";
import { stateWord } from "@/data-sources/words";
import { Notice } from "@/ui/notice";
import { stuckTitle } from "./words";
import styles from "./operations.module.css";

export function Attention({ status }: { status: AdminStatus }) {
  const down = Object.entries(status.parts).filter(([, state]) => state === "down");
  return (
    <div className={styles.attention} role="status" data-testid="attention">
      {down.map(([part]) => (
        <Notice key={part} tone="danger" title={`The ${part} does not answer`}>
          Documents that were accepted are kept and wait; what needs it goes on once it is back.
        </Notice>
      ))}
      {status.stuck.map((stuck) => (
        <Notice key={stuck.what} tone="danger" title={stuckTitle(stuck)}>
          {stuck.detail}
        </Notice>
      ))}
      {status.data_sources.map(({ name, state, reason }) => (
        <Notice key={name} tone="warning" title={`${name}: ${stateWord(state).toLowerCase()}`}>
          {reason} <Link to="/data-sources">Data sources</Link>
        </Notice>
      ))}
    </div>
  );
}
