/** Documents that are not ready for a reason, the newest first. */

import { Link } from "react-router";
import type { AdminStatus } from "@/api/types";
import { StateBadge } from "@/documents/document-state";
import { advice, nextAttempt } from "@/documents/words";
import { useSeconds } from "@/ui/use-seconds";
import styles from "./operations.module.css";

export function Failures({ status: { failures } }: { status: AdminStatus }) {
  const now = useSeconds();
  return (
    <section className={styles.section}>
      <h2>What failed</h2>
      {failures.length === 0 ? (
        <p className={styles.quiet}>Nothing.</p>
      ) : (
        <ul className={styles.failures}>
          {failures.map((failure) => (
            <li key={failure.id} data-testid="failure">
              <div>
                <Link to={`/documents/${encodeURIComponent(failure.id)}`}>{failure.title}</Link>
                <p>{[failure.reason, nextAttempt(failure, now), advice(failure)].filter(Boolean).join(" ")}</p>
              </div>
              <StateBadge state={failure.state} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
