/** Server-sent events from bytes that may be cut anywhere, within a character too. Knows nothing of what they mean. */

import { createParser } from "eventsource-parser";
import { ApiError, ConnectionLost, toProblem } from "./problem";

export interface ServerEvent {
  event: string;
  data: unknown;
}

/**
 * Yields events until one of the names in `last`. An `error` event is thrown as `ApiError`; a stream that ends before
 * its last event as `ConnectionLost` with the words given.
 */
export async function* readEvents(
  bytes: ReadableStream<Uint8Array>,
  last: string,
  brokenOff: string,
): AsyncGenerator<ServerEvent> {
  const arrived: ServerEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = "message", data }) => arrived.push({ event, data: JSON.parse(data) as unknown }),
  });
  const decoder = new TextDecoder();
  const reader = bytes.getReader();
  try {
    for (;;) {
      const { done, value } = await readChunk(reader, brokenOff);
      parser.feed(decoder.decode(value, { stream: !done }));
      for (const event of arrived.splice(0)) {
        if (event.event === "error") throw toError(event.data);
        yield event;
        if (event.event === last) return;
      }
      if (done) throw new ConnectionLost(brokenOff);
    }
  } finally {
    // A reader who stops early (the stop button, a closed page) frees the server at once.
    reader.cancel().catch(() => undefined);
  }
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>, brokenOff: string) {
  try {
    return await reader.read();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ConnectionLost(brokenOff);
  }
}

function toError(body: unknown): ApiError {
  const status = typeof body === "object" && body && "status" in body ? Number(body.status) : 500;
  return new ApiError(toProblem(Number.isFinite(status) ? status : 500, body));
}
