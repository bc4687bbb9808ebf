import { describe, expect, it } from "vitest";
import { countdown, duration, relative } from "./time";

const NOW = Date.parse("2026-03-04T12:00:00Z");

describe("relative times", () => {
  it.each([
    ["2026-03-04T11:59:40Z", "just now"],
    ["2026-03-04T12:00:20Z", "in a moment"],
    ["2026-03-04T11:57:00Z", "3 minutes ago"],
    ["2026-03-04T14:00:00Z", "in 2 hours"],
    ["2026-03-03T11:00:00Z", "yesterday"],
    ["2025-12-24T12:00:00Z", "24 Dec 2025"],
    ["not a time", ""],
  ])("%s is %s", (moment, words) => {
    expect(relative(moment, NOW)).toBe(words);
  });
});

describe("spans", () => {
  it.each([
    [12.4, "12 s"],
    [119, "119 s"],
    [150, "3 min"],
    [7_300, "2 h"],
    [400_000, "5 days"],
  ])("%s seconds are %s", (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it("count down to a moment, and past it promise no more than a moment", () => {
    expect(countdown("2026-03-04T12:00:11.2Z", NOW)).toBe("in 12 s");
    expect(countdown("2026-03-04T11:00:00Z", NOW)).toBe("in a moment");
  });
});
