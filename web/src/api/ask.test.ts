import { describe, expect, it } from "vitest";
import { readAnswer, type AnswerEvent } from "./ask";
import { ApiError, ConnectionLost } from "./problem";

const DONE = { id: "a1", text: "Größe 12 📎 [1].", outcome: "answered" };
const STREAM = [
  ": keep-alive\n\n",
  'event: sources\ndata: [{"number":1,"title":"Größe"}]\n\n',
  'event: text\ndata: {"delta":"Größe 12 📎 [1]."}\n\n',
  "event: something_new\ndata: {}\n\n",
  'event: sentence\r\ndata: {"text":"Größe 12 📎 [1].",\r\ndata: "start":0,"end":15,"status":"supported","citations":[]}\r\n\r\n',
  `event: done\ndata: ${JSON.stringify(DONE)}\n\n`,
].join("");

function streamOf(...parts: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<AnswerEvent[]> {
  const events = [];
  for await (const event of readAnswer(stream)) events.push(event);
  return events;
}

describe("reading an answer's event stream", () => {
  const bytes = new TextEncoder().encode(STREAM);

  it("gives the same events wherever the bytes are cut in two", async () => {
    const whole = await collect(streamOf(bytes));
    expect(whole.map((event) => event.event)).toEqual(["sources", "text", "sentence", "done"]);
    expect(whole[1]).toEqual({ event: "text", data: { delta: "Größe 12 📎 [1]." } });
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(await collect(streamOf(bytes.slice(0, cut), bytes.slice(cut)))).toEqual(whole);
    }
  });

  it("gives the same events when every byte arrives alone", async () => {
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(await collect(streamOf(...single))).toEqual(await collect(streamOf(bytes)));
  });

  it("throws the problem that an error event carries", async () => {
    const problem = {
      type: "about:blank",
      title: "Busy",
      status: 503,
      detail: "Try again.",
      code: "model_unavailable",
    };
    const stream = streamOf(new TextEncoder().encode(`event: error\ndata: ${JSON.stringify(problem)}\n\n`));
    const error = await collect(stream).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 503, code: "model_unavailable", message: "Try again." });
  });

  it("throws a lost connection when the stream ends without done or error", async () => {
    const error = await collect(streamOf(bytes.slice(0, 120))).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectionLost);
  });

  it("cancels the stream when the reader stops early", async () => {
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes.slice(0, 200)),
      cancel: () => {
        cancelled = true;
      },
    });
    for await (const event of readAnswer(endless)) {
      expect(event.event).toBe("sources");
      break;
    }
    expect(cancelled).toBe(true);
  });
});
