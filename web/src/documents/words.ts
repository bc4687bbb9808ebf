/** States, stages and failures in the words of those who send documents. Knows nothing of how they look. */

import type { Document } from "@/api/types";
import { countdown } from "@/text/time";

const STATES: Record<string, string> = {
  queued: "Waiting",
  running: "Being read",
  ready: "Ready",
  failed: "Failed",
  quarantined: "Set aside",
};

const STAGES: Record<string, string> = {
  parse: "Reading the text",
  chunk: "Cutting it into passages",
  embed: "Embedding",
  upsert: "Adding passages to the index",
  activate: "Making it searchable",
};

/** What to do about a failure, by the server's stable code. The reason itself is the server's. */
const ADVICE: Record<string, string> = {
  encrypted: "Remove the password and send it again.",
  corrupt: "Open it on your computer, save it anew and send it again.",
  no_text: "If it is a scan, send a version with text in it.",
  needs_ocr: "Send a version with text in it, or ask your administrator to install Tesseract.",
  unsupported_type: "Save it as PDF, Word or plain text and send it again.",
  type_mismatch: "Give it the ending that fits its content and send it again.",
  too_large: "Send it in parts.",
  too_many_pages: "Send it in parts.",
  parse_limit: "Send it in parts, or save it as plain text.",
  parser_crashed: "Save it in another format and send it again.",
  empty_file: "Send a file with something in it.",
  worker_lost: "Try again; if it is set aside once more, save it in another format.",
};

export function stateWord(state: string): string {
  return STATES[state] ?? state;
}

/** What is being done to it, null where nothing is. */
export function stageWord({ state, stage }: Pick<Document, "state" | "stage">): string | null {
  if (state !== "running") return null;
  return stage === null ? "Starting" : (STAGES[stage] ?? stage);
}

/** "128 of 512 passages", once it is known how many there are. */
export function progressWords({ progress }: Pick<Document, "progress">): string | null {
  if (!progress?.chunks_total) return null;
  return `${progress.chunks_done.toLocaleString("en")} of ${progress.chunks_total.toLocaleString("en")} passages`;
}

/** 0 to 1, or null while nothing can be said. */
export function fractionDone({ progress }: Pick<Document, "progress">): number | null {
  if (!progress?.chunks_total) return null;
  return Math.min(progress.chunks_done / progress.chunks_total, 1);
}

/** Whether it was given up, so that only somebody can start it again. */
export function isGivenUp({ state }: Pick<Document, "state">): boolean {
  return state === "failed" || state === "quarantined";
}

export function advice(document: Pick<Document, "state" | "code">): string | null {
  return isGivenUp(document) ? (ADVICE[document.code ?? ""] ?? null) : null;
}

/** "Tried twice; again in 12 s." Null where nothing is tried again by itself. */
export function nextAttempt(
  { state, attempts, next_attempt_at }: Pick<Document, "state" | "attempts" | "next_attempt_at">,
  now: number,
): string | null {
  if (state !== "queued" || next_attempt_at === null) return null;
  const again = `again ${countdown(next_attempt_at, now)}`;
  return attempts > 0 ? `Tried ${times(attempts)}; ${again}.` : `Tried ${again}.`;
}

function times(count: number): string {
  return count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}

/** What a search found: "1 document fits", "50 documents and more fit". */
export function foundWords(count: number, more: boolean): string {
  if (count === 0) return "Nothing fits";
  if (count === 1 && !more) return "1 document fits";
  return `${count.toLocaleString("en")} documents ${more ? "and more " : ""}fit`;
}
