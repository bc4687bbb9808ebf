/** The audit of registry, index and originals: progress as it goes, then the report. */

import { answered, server } from "./client";
import { readEvents } from "./events";
import { ConnectionLost } from "./problem";

export const CLASSES = ["missing", "phantom", "duplicate", "malformed"] as const;

export type Report = {
  clean: boolean;
  documents: number;
  chunks: number;
  originals: number;
  seconds: number;
  repaired: Record<string, number> | null;
  lost: { document_id: string; version: number; title: string }[];
} & Record<(typeof CLASSES)[number], { count: number }>;

export interface AuditProgress {
  stage: string;
  done: number;
  total: number | null;
}

export type AuditEvent = { event: "progress"; data: AuditProgress } | { event: "report"; data: Report };

/** Throws `ApiError`, `ConnectionLost` or `AbortError`. With `repair` what is found is mended and audited again. */
export async function* verify(repair: boolean, signal: AbortSignal): AsyncGenerator<AuditEvent> {
  const call = server.POST("/v1/admin/verify", { body: { repair }, parseAs: "stream", signal });
  const bytes = await answered<unknown>(call);
  if (!(bytes instanceof ReadableStream)) throw new ConnectionLost();
  const stream = bytes as ReadableStream<Uint8Array>;
  for await (const { event, data } of readEvents(stream, "report", "The audit broke off.")) {
    if (event === "progress" || event === "report") yield { event, data } as AuditEvent;
  }
}
