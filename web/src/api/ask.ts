/** Asking a question and reading the answer's event stream. Knows nothing of React or of how an answer looks. */

import { answered, server } from "./client";
import { readEvents } from "./events";
import { ConnectionLost } from "./problem";
import type { Answer, Sentence, Source } from "./types";

export type AnswerEvent =
  | { event: "sources"; data: Source[] }
  | { event: "text"; data: { delta: string } }
  | { event: "sentence"; data: Sentence }
  | { event: "done"; data: Answer };

export interface Question {
  question: string;
  conversation_id: string;
  /** A stored message: it, its exchange and all behind go once the new answer is whole. */
  replaces?: string;
}

/** Yields the events of one answer; the last is `done`. Throws `ApiError`, `ConnectionLost` or `AbortError`. */
export async function* ask(question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const call = server.POST("/v1/ask", { body: { ...question, stream: true }, parseAs: "stream", signal });
  const bytes = await answered<ReadableStream<Uint8Array> | null>(call);
  if (!bytes) throw new ConnectionLost();
  yield* readAnswer(bytes);
}

/** Reads an answer's events; those of other names are left out, so that a newer server may send more. */
export async function* readAnswer(bytes: ReadableStream<Uint8Array>): AsyncGenerator<AnswerEvent> {
  for await (const { event, data } of readEvents(bytes, "done", "The answer broke off.")) {
    if (event === "sources" || event === "text" || event === "sentence" || event === "done") {
      yield { event, data } as AnswerEvent;
    }
  }
}
