import { describe, expect, it } from "vitest";
import { layout, type Section } from "./layout";

const draw = (sections: Section[]) =>
  sections.map(({ page, pieces }) => [page, ...pieces.map((piece) => (piece.marked ? `«${piece.text}»` : piece.text))]);
const whole = (sections: Section[]) => sections.flatMap((s) => s.pieces.map((p) => p.text)).join("");
const marked = (sections: Section[]) =>
  sections.flatMap((s) => s.pieces.filter((p) => p.marked).map((p) => p.text)).join("");

describe("a document's text in sections", () => {
  it("gives a section a page, with the passage marked at its code points", () => {
    const text = "📎 One.\nTwo 𝒳 two.\nThree.";
    const pages = [
      { number: 1, start: 0, end: 7 },
      { number: 2, start: 7, end: 18 },
      { number: 3, start: 18, end: 24 },
    ];
    expect(draw(layout(text, pages, { start: 11, end: 16 }))).toEqual([
      [1, "📎 One.\n"],
      [2, "Two ", "«𝒳 two»", ".\n"],
      [3, "Three."],
    ]);
  });

  it("marks a passage over a page break on both pages", () => {
    const pages = [
      { number: 1, start: 0, end: 4 },
      { number: 2, start: 4, end: 8 },
    ];
    expect(draw(layout("abcdefgh", pages, { start: 2, end: 6 }))).toEqual([
      [1, "ab", "«cd»"],
      [2, "«ef»", "gh"],
    ]);
  });

  it("keeps text between and before pages", () => {
    const sections = layout("title\nbody", [{ number: 1, start: 6, end: 10 }], null);
    expect(draw(sections)).toEqual([
      [null, "title\n"],
      [1, "body"],
    ]);
  });

  it("cuts long text without pages at line ends and loses nothing", () => {
    const text = "A line of forty characters, more or less.\n".repeat(1500);
    const sections = layout(text, [], { start: 12_000, end: 24_500 });
    expect(sections.length).toBeGreaterThan(3);
    expect(whole(sections)).toBe(text);
    expect(marked(sections)).toBe(text.slice(12_000, 24_500));
  });

  it("marks nothing without a passage or with one outside of the text", () => {
    expect(marked(layout("abc", [], null))).toBe("");
    expect(marked(layout("abc", [], { start: 7, end: 9 }))).toBe("");
  });

  it("leaves out an empty page and keeps the numbers of the others", () => {
    const pages = [
      { number: 1, start: 0, end: 2 },
      { number: 2, start: 2, end: 2 },
      { number: 3, start: 2, end: 4 },
    ];
    expect(layout("abcd", pages, null).map((section) => section.page)).toEqual([1, 3]);
  });
});
