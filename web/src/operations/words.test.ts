import { describe, expect, it } from "vitest";
import type { AdminStatus } from "@/api/types";
import { ago, count, indexWords, queueWords, remainingWords, shares, span, stuckTitle, workWords } from "./words";

const status = (given: object) => given as AdminStatus;
const worker = (document: object | null) =>
  ({ name: "node:1", document, progress_at: null }) as AdminStatus["workers"][0];
const queue = { waiting: 0, due: 0, later: 0, running: 0, oldest_waiting_s: 0 };

describe("figures in words", () => {
  it.each([
    [0, "0"],
    [4.25, "4.3"],
    [12.5, "13"],
    [31_002, "31,002"],
  ])("%s is %s", (value, words) => {
    expect(count(value)).toBe(words);
  });

  it.each([
    [4.2, "4 ms"],
    [1_400, "1.4 s"],
    [38_000, "38 s"],
    [600_000, "10 min"],
  ])("%s ms are %s", (value, words) => {
    expect(span(value)).toBe(words);
  });

  it("tell what waits for now from what waits for later", () => {
    expect(queueWords(status({ queue: { ...queue, due: 1412, later: 3, running: 2 } }))).toBe(
      "1,412 waiting, 3 for later, 2 running",
    );
  });

  it("tell how large the index is and what serves it", () => {
    expect(indexWords({ chunks: 31_002, engine: "Qdrant 1.15.4" })).toBe("31,002 chunks (Qdrant 1.15.4)");
    expect(indexWords({ chunks: 0, engine: null })).toBe("0 chunks");
    expect(indexWords({ chunks: null, engine: null })).toBe("does not answer");
  });

  it("promise a remaining time only where there is a basis", () => {
    expect(remainingWords(status({ queue: { ...queue, due: 1 }, remaining_s: 470 }))).toBe("about 8 min");
    expect(remainingWords(status({ queue: { ...queue, due: 1 }, remaining_s: null }))).toBe("not known yet");
    expect(remainingWords(status({ queue, remaining_s: null }))).toBe("nothing waits");
  });

  it("say what a worker does", () => {
    const progress = { chunks_done: 128, chunks_total: 512 };
    expect(workWords(worker(null))).toBe("Idle");
    expect(workWords(worker({ kind: "ingest", stage: "embed", progress }))).toBe("embed, 128 of 512");
    expect(workWords(worker({ kind: "delete", stage: null, progress }))).toBe("Deletes");
  });

  it("measure time by the server's clock", () => {
    expect(ago("2026-03-04T12:00:00Z", "2026-03-04T12:00:07Z")).toBe("7 s ago");
    expect(ago("2026-03-04T12:00:09Z", "2026-03-04T12:00:07Z")).toBe("0 s ago");
    expect(ago(null, "2026-03-04T12:00:07Z")).toBe("never");
  });

  it("share a document's time among its stages", () => {
    const stage = (mean_ms: number) => ({ stage: "parse", mean_ms, p95_ms: 0, documents: 1 });
    expect(shares([stage(1), stage(3)])).toEqual([0.25, 0.75]);
    expect(shares([stage(0)])).toEqual([0]);
  });

  it("name what is stuck and for how long", () => {
    const stuck = { what: "queue", since: "", since_s: 400, count: 3, detail: "" };
    expect(stuckTitle(stuck)).toBe("The queue does not move, for 7 min now");
  });
});
