/** A document's state: a word with a dot, how far it has come, why it is not ready and what to do. */

import { Progress } from "@base-ui/react/progress";
import type { Document } from "@/api/types";
import { useSeconds } from "@/ui/use-seconds";
import { advice, fractionDone, nextAttempt, progressWords, stageWord, stateWord } from "./words";
import styles from "./document-state.module.css";

export function StateBadge({ state }: { state: string }) {
  return (
    <span className={styles.badge} data-state={state}>
      <span className={styles.dot} aria-hidden="true" />
      {stateWord(state)}
    </span>
  );
}

/** What is being done to it: the stage in words, and a bar once it is known how much there is. */
export function StageProgress({ document }: { document: Document }) {
  const stage = stageWord(document);
  if (stage === null) return null;
  const fraction = fractionDone(document);
  const count = progressWords(document);
  return (
    <div className={styles.stage} data-testid="stage" data-stage={document.stage}>
      <p>{count && fraction !== null && fraction < 1 ? `${stage}: ${count}` : stage}</p>
      {fraction !== null && (
        <Progress.Root value={Math.round(fraction * 100)} aria-label={`Progress of “${document.title}”`}>
          <Progress.Track className={styles.track}>
            <Progress.Indicator className={styles.bar} />
          </Progress.Track>
        </Progress.Root>
      )}
    </div>
  );
}

/** Why it is not ready, when it is tried again, and what somebody can do about it. */
export function StateReason({ document }: { document: Document }) {
  const { state, reason } = document;
  const waits = nextAttempt(document, 0) !== null;
  const todo = advice(document);
  if (state === "ready" || (!reason && !waits)) return null;
  return (
    <p className={styles.reason} data-state={state} data-testid="reason">
      {reason}
      {waits && (
        <>
          {" "}
          <NextAttempt document={document} />
        </>
      )}
      {todo && <span className={styles.todo}> {todo}</span>}
    </p>
  );
}

/** Counts down, second by second. */
function NextAttempt({ document }: { document: Document }) {
  return <span data-testid="next-attempt">{nextAttempt(document, useSeconds())}</span>;
}
