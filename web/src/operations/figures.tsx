/** The figures one looks at first. */

import type { ReactNode } from "react";
import { Link } from "react-router";
import { STATES, type AdminStatus } from "@/api/types";
import { stateWord } from "@/documents/words";
import { duration } from "@/text/time";
import { ago, count, indexWords, queueWords, rateWords, remainingWords, span } from "./words";
import styles from "./operations.module.css";

export function Figures({ status }: { status: AdminStatus }) {
  const { queue, throughput, ready_time, index, parts, progress_at, at, version } = status;
  return (
    <>
      <ul className={styles.states} aria-label="Documents by state">
        {STATES.map((state) => (
          <li key={state}>
            <Link to={`/documents?state=${state}`} className={styles.tile} data-state={state} data-testid="state-count">
              <strong>{count(status.documents[state] ?? 0)}</strong>
              {stateWord(state)}
            </Link>
          </li>
        ))}
      </ul>
      <dl className={styles.figures}>
        <Figure name="Queue">
          {queueWords(status)}
          {queue.oldest_waiting_s >= 1 && `, the oldest for ${duration(queue.oldest_waiting_s)}`}
        </Figure>
        <Figure name="Remaining">{remainingWords(status)}</Figure>
        <Figure name="Last minute">{rateWords(throughput.last_minute)}</Figure>
        <Figure name="Last five minutes">{rateWords(throughput)}</Figure>
        <Figure name="Ready after">
          {ready_time
            ? `${span(ready_time.p50_s * 1000)}, ${span(ready_time.p95_s * 1000)} at the 95th percentile`
            : "nothing has become ready yet"}
        </Figure>
        <Figure name="Last progress">{ago(progress_at, at)}</Figure>
        <Figure name="Index">{indexWords(index)}</Figure>
        <Figure name="Parts">
          {Object.entries(parts)
            .map(([part, state]) => `${part} ${state}`)
            .join(", ")}
        </Figure>
        <Figure name="Version">{version}</Figure>
      </dl>
    </>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
