import { describe, expect, it } from "vitest";
import type { DataSourceSetup, Sync } from "@/api/types";
import { counterWords, isAtWork, lastSyncWords, nextWords, schedulesWith, scheduleWord } from "./words";

const NOW = Date.parse("2026-03-04T12:00:00Z");
const NONE = { listed: 0, unchanged: 0, fetched: 0, new: 0, changed: 0, moved: 0, deleted: 0, failed: 0 };

function sync(outcome: Sync["outcome"], counters: Partial<Sync["counters"]>): Sync {
  const finished_at = outcome && "2026-03-04T11:57:00Z";
  return {
    number: 1,
    started_at: null,
    finished_at,
    outcome,
    code: null,
    reason: null,
    unconfirmed: 0,
    counters: { ...NONE, ...counters },
  };
}

describe("a sync in words", () => {
  it.each([
    ["done", { listed: 1200, unchanged: 1194, new: 4, changed: 2 }, "Synced 3 minutes ago: 4 new, 2 changed"],
    ["done", { listed: 1200, unchanged: 1200 }, "Synced 3 minutes ago: nothing new in 1,200"],
    ["partly", { listed: 9, failed: 3 }, "Synced 3 minutes ago: 3 failed"],
    ["failed", {}, "Tried 3 minutes ago"],
    ["stopped", { new: 1 }, "Stopped 3 minutes ago: 1 new"],
    [null, { listed: 40, fetched: 7, new: 6 }, "40 listed, 7 fetched, 6 new"],
  ] as const)("%s %j: %s", (outcome, counters, words) => {
    expect(lastSyncWords(sync(outcome, counters), NOW)).toBe(words);
  });

  it("that has only begun says nothing yet, and one that never was says so", () => {
    expect(counterWords(sync(null, {}))).toBe("");
    expect(lastSyncWords(null, NOW)).toBe("Not synced yet");
  });
});

describe("a schedule", () => {
  const setup = (given: Partial<DataSourceSetup>) => given as DataSourceSetup;

  it.each([
    [{ every_s: 3600, next_sync_at: "2026-03-04T12:12:00Z", state: "idle" }, "Every hour, next in 12 min"],
    [{ every_s: 3600, next_sync_at: "2026-03-04T12:00:00Z", state: "syncing" }, "Every hour"],
    [{ every_s: null, next_sync_at: null, state: "idle" }, "Only when asked"],
  ] as const)("%j is %s", (given, words) => {
    expect(nextWords(setup(given), NOW)).toBe(words);
  });

  it("of one's own stays among the choices", () => {
    expect(scheduleWord(7200)).toBe("Every 2 h");
    expect(schedulesWith(7200).map(({ value }) => value)).toContain("7200");
    expect(schedulesWith(3600)).toHaveLength(5);
  });

  it("is looked at again soon only while something is going on", () => {
    expect(isAtWork(setup({ state: "syncing" }))).toBe(true);
    expect(isAtWork(setup({ state: "idle" }))).toBe(false);
    expect(isAtWork(null)).toBe(false);
  });
});
