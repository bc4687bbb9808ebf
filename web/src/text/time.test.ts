import { describe, expect, it } from "vitest";
import { relative } from "./time";

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
