import { describe, expect, it } from "vitest";
import { slicePoints, toUnits } from "./code-points";

describe("code point offsets", () => {
  it("are string indexes where the text has no surrogates", () => {
    expect(toUnits("naïve Straße", [0, 5, 12])).toEqual([0, 5, 12]);
  });

  it("count a character outside the basic plane once", () => {
    expect(toUnits("a📎b", [0, 1, 2, 3])).toEqual([0, 1, 3, 4]);
    expect(slicePoints("a📎b𝒳c", 2, 4)).toBe("b𝒳");
  });

  it("may come in any order and more than once", () => {
    expect(toUnits("📎📎x", [3, 0, 2, 2])).toEqual([5, 0, 4, 4]);
  });

  it("stop at the ends of the text", () => {
    expect(toUnits("📎", [-3, 7])).toEqual([0, 2]);
    expect(toUnits("ab", [-3, 7])).toEqual([0, 2]);
  });

  it("count a lone surrogate, which the server never sends, as one", () => {
    expect(toUnits("\uD83Dx📎", [1, 2, 3])).toEqual([1, 2, 4]);
  });

  it("agree with the array of code points for every offset of a mixed text", () => {
    const text = "Grüße 👩‍👩‍👧 aus Zürich — 𝒳² = 1\n漢字🀄";
    const points = Array.from(text);
    for (let start = 0; start <= points.length; start += 1) {
      for (let end = start; end <= points.length; end += 1) {
        expect(slicePoints(text, start, end)).toBe(points.slice(start, end).join(""));
      }
    }
  });
});
