/** A document's state in a word, with what comes next. */

import type { Document } from "@/api/types";
import { relative } from "@/text/time";
import styles from "./document-state.module.css";

const WORDS: Record<string, string> = {
  queued: "Waiting",
  running: "Being read",
  ready: "Ready",
  failed: "Failed",
  quarantined: "Set aside",
};

export function stateWord(state: string): string {
  return WORDS[state] ?? state;
}

export function StateBadge({ state }: { state: string }) {
  return (
    <span className={styles.badge} data-state={state}>
      <span className={styles.dot} aria-hidden="true" />
      {stateWord(state)}
    </span>
  );
}

/** Why it is not ready, and when it is tried again. */
export function StateReason({ document }: { document: Document }) {
  const { state, reason, next_attempt_at, attempts } = document;
  if (state === "ready") return null;
  const again =
    state === "queued" && attempts > 0 && next_attempt_at
      ? `Tried ${times(attempts)}; again ${relative(next_attempt_at)}.`
      : "";
  if (!reason && !again) return null;
  return (
    <p className={styles.reason} data-state={state} data-testid="reason">
      {[reason, again].filter(Boolean).join(" ")}
    </p>
  );
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
