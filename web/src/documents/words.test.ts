import { describe, expect, it } from "vitest";
import { advice, foundWords, fractionDone, nextAttempt, progressWords, stageWord } from "./words";

const NOW = Date.parse("2026-03-04T12:00:00Z");

describe("what is being done to a document", () => {
  it.each([
    ["running", "embed", "Embedding"],
    ["running", null, "Starting"],
    ["running", "wash", "wash"],
    ["queued", "embed", null],
    ["ready", null, null],
  ])("%s, %s: %s", (state, stage, words) => {
    expect(stageWord({ state, stage })).toBe(words);
  });

  it.each([
    [{ chunks_done: 128, chunks_total: 1512 }, "128 of 1,512 passages", 128 / 1512],
    [{ chunks_done: 0, chunks_total: null }, null, null],
    [{ chunks_done: 9, chunks_total: 8 }, "9 of 8 passages", 1],
    [null, null, null],
  ])("%j is shown as %s", (progress, words, fraction) => {
    expect(progressWords({ progress })).toBe(words);
    expect(fractionDone({ progress })).toBe(fraction);
  });
});

describe("what comes next", () => {
  it.each([
    ["queued", 1, "2026-03-04T12:00:12Z", "Tried once; again in 12 s."],
    ["queued", 2, "2026-03-04T11:59:58Z", "Tried twice; again in a moment."],
    ["queued", 0, "2026-03-04T12:00:12Z", "Tried again in 12 s."],
    ["queued", 0, null, null],
    ["failed", 1, "2026-03-04T12:00:12Z", null],
  ])("%s after %s attempts, due %s: %s", (state, attempts, next_attempt_at, words) => {
    expect(nextAttempt({ state, attempts, next_attempt_at }, NOW)).toBe(words);
  });

  it("says what to do only about what was given up", () => {
    expect(advice({ state: "failed", code: "encrypted" })).toContain("password");
    expect(advice({ state: "queued", code: "worker_lost" })).toBeNull();
    expect(advice({ state: "failed", code: "something_new" })).toBeNull();
  });
});

describe("what a search found", () => {
  it.each([
    [0, false, "Nothing fits"],
    [1, false, "1 document fits"],
    [12, false, "12 documents fit"],
    [1050, true, "1,050 documents and more fit"],
  ])("%i, more: %s: %s", (count, more, words) => {
    expect(foundWords(count, more)).toBe(words);
  });
});
