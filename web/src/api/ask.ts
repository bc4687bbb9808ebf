/** Asking a question and reading the answer's event stream. Knows nothing of React or of how an answer looks. */

import { createParser } from "eventsource-parser";
import { answered, server } from "./client";
import { ApiError, ConnectionLost, toProblem } from "./problem";
import type { Answer, Sentence, Source } from "./types";

export type AnswerEvent =
  | { event: "sources"; data: Source[] }
  | { event: "text"; data: { delta: string } }
  | { event: "sentence"; data: Sentence }
  | { event: "done"; data: Answer };

export interface Question {
  question: string;
  conversation_id: string;
}

/** Yields the events of one answer; the last is `done`. Throws `ApiError`, `ConnectionLost` or `AbortError`. */
export async function* ask(question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const call = server.POST("/v1/ask", { body: { ...question, stream: true }, parseAs: "stream", signal });
  const bytes = await answered<ReadableStream<Uint8Array> | null>(call);
  if (!bytes) throw new ConnectionLost();
  yield* readAnswer(bytes);
}

/**
 * Reads server-sent events from bytes that may be cut anywhere, within a character too.
 * An `error` event is thrown as `ApiError`; a stream that ends without `done` or `error` as `ConnectionLost`.
 */
export async function* readAnswer(bytes: ReadableStream<Uint8Array>): AsyncGenerator<AnswerEvent> {
  const arrived: (AnswerEvent | ApiError)[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      const parsed = toEvent(event, data);
      if (parsed) arrived.push(parsed);
    },
  });
  const decoder = new TextDecoder();
  const reader = bytes.getReader();
  try {
    for (;;) {
      const { done, value } = await readChunk(reader);
      parser.feed(decoder.decode(value, { stream: !done }));
      for (const event of arrived.splice(0)) {
        if (event instanceof ApiError) throw event;
        yield event;
        if (event.event === "done") return;
      }
      if (done) throw new ConnectionLost("The answer broke off.");
    }
  } finally {
    // A reader who stops early (the stop button, a closed page) frees the server at once.
    reader.cancel().catch(() => undefined);
  }
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ConnectionLost("The answer broke off.");
  }
}

/** Events of other names are left out, so that a newer server may send more. */
function toEvent(name: string | undefined, data: string): AnswerEvent | ApiError | null {
  if (name === "error") {
    const body: unknown = JSON.parse(data);
    const status = typeof body === "object" && body && "status" in body ? Number(body.status) : 500;
    return new ApiError(toProblem(Number.isFinite(status) ? status : 500, body));
  }
  if (name === "sources" || name === "text" || name === "sentence" || name === "done") {
    return { event: name, data: JSON.parse(data) as unknown } as AnswerEvent;
  }
  return null;
}
