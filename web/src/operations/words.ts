/** Figures of the whole system in words. Knows nothing of how they look. */

import type { AdminStatus } from "@/api/types";
import type { Report } from "@/api/verify";
import { duration } from "@/text/time";

type Worker = AdminStatus["workers"][number];
type ReportFigures = Pick<Report, "documents" | "chunks" | "originals" | "seconds">;
type Stage = AdminStatus["stages"][number];

const KINDS: Record<string, string> = {
  metadata: "Changes who may read",
  retire: "Removes an old version",
  delete: "Deletes",
};
const STUCK: Record<string, string> = {
  queue: "The queue does not move",
  job: "A document does not get on",
  lease: "Work was left behind",
};

/** "412 wait, 3 for later, 2 running" */
export function queueWords({ queue }: AdminStatus): string {
  const later = queue.later > 0 ? `, ${count(queue.later)} for later` : "";
  return `${count(queue.due)} waiting${later}, ${count(queue.running)} running`;
}

/** "12.5 documents, 3,120 chunks a minute" */
export function rateWords(rate: { documents_per_minute: number; chunks_per_minute: number }): string {
  return `${count(rate.documents_per_minute)} documents, ${count(rate.chunks_per_minute)} chunks a minute`;
}

export function remainingWords({ remaining_s, queue }: AdminStatus): string {
  if (remaining_s !== null) return `about ${duration(remaining_s)}`;
  return queue.due + queue.running > 0 ? "not known yet" : "nothing waits";
}

/** "31,002 chunks (Qdrant 1.15.4)": how large it is, and what serves it. */
export function indexWords({ chunks, engine }: AdminStatus["index"]): string {
  if (chunks === null) return "does not answer";
  return `${count(chunks)} chunks${engine ? ` (${engine})` : ""}`;
}

/** "embed, 128 of 512": what a worker does. */
export function workWords({ document }: Worker): string {
  if (!document) return "Idle";
  if (document.kind !== "ingest") return KINDS[document.kind] ?? document.kind;
  const { chunks_done, chunks_total } = document.progress;
  const stage = document.stage ?? "starts";
  return chunks_total ? `${stage}, ${count(chunks_done)} of ${count(chunks_total)}` : stage;
}

export function stuckTitle(stuck: AdminStatus["stuck"][number]): string {
  return `${STUCK[stuck.what] ?? stuck.what}, for ${duration(stuck.since_s)} now`;
}

/** "4 ms", "1.4 s", "38 s" */
export function span(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
}

/** Seconds since then, by the server's clock, as "12 s ago". */
export function ago(moment: string | null, at: string): string {
  if (moment === null) return "never";
  return `${duration(Math.max((Date.parse(at) - Date.parse(moment)) / 1000, 0))} ago`;
}

/** Each stage's share of the mean time of a document, 0 to 1. */
export function shares(stages: readonly Stage[]): number[] {
  const total = stages.reduce((sum, { mean_ms }) => sum + mean_ms, 0);
  return stages.map(({ mean_ms }) => (total > 0 ? mean_ms / total : 0));
}

/** "Looked at 1,240 documents, 31,002 chunks and 1,250 originals in 4 s." */
export function reportWords({ documents, chunks, originals, seconds }: ReportFigures): string {
  const seen = `${count(documents)} documents, ${count(chunks)} chunks and ${count(originals)} originals`;
  return `Looked at ${seen} in ${duration(seconds)}.`;
}

export function count(value: number): string {
  const digits = value >= 10 || Number.isInteger(value) ? 0 : 1;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}
