import { describe, expect, it } from "vitest";
import { around } from "./around";

describe("the surroundings of a quote", () => {
  it("are everything where the passage is short", () => {
    expect(around("one two three", "two", 100)).toEqual({ before: "one ", after: " three" });
  });

  it("are cut between words with an ellipsis", () => {
    expect(around("alpha beta gamma delta epsilon", "gamma", 8)).toEqual({ before: "…beta ", after: " delta…" });
  });

  it("keep their length where the passage has no spaces", () => {
    const { before, after } = around(`${"前".repeat(200)}引用${"後".repeat(200)}`, "引用", 50);
    expect(before).toBe(`…${"前".repeat(50)}`);
    expect(after).toBe(`${"後".repeat(50)}…`);
  });

  it("do not begin or end with half a character", () => {
    expect(around("𝒳𝒳quote𝒳𝒳", "quote", 3)).toEqual({ before: "…𝒳", after: "𝒳…" });
  });

  it("are empty where the passage does not hold the quote", () => {
    expect(around("one two", "three", 10)).toEqual({ before: "", after: "" });
  });
});
