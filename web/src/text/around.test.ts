import { describe, expect, it } from "vitest";
import { around } from "./around";

describe("the surroundings of a quote", () => {
  it("are everything where the passage is short", () => {
    expect(around("one two three", "two", 100)).toEqual({ before: "one ", after: " three" });
  });

  it("are cut between words with an ellipsis", () => {
    expect(around("alpha beta gamma delta epsilon", "gamma", 8)).toEqual({ before: "…beta ", after: " delta…" });
  });

  it("are empty where the passage does not hold the quote", () => {
    expect(around("one two", "three", 10)).toEqual({ before: "", after: "" });
  });
});
