import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const tokens = readFileSync("src/styles/tokens.css", "utf8");

/** Each colour, light and dark. */
const COLOURS = new Map(
  [...tokens.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [
    name,
    [light, dark],
  ]),
);
const TEXTS = ["text", "text-soft", "text-faint", "accent", "danger", "warning", "success"];
const GROUNDS = ["ground", "surface", "sunken", "hover", "accent-soft", "danger-soft", "warning-soft", "success-soft"];

const colour = (name: string, theme: number) => COLOURS.get(name)?.[theme] ?? "";

/** Relative luminance as WCAG 2 has it. */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const pairs = (fronts: string[], backs: string[]) =>
  fronts.flatMap((front) => backs.map((back) => [front, back] as const));

describe.each([
  ["light", 0],
  ["dark", 1],
])("in the %s theme", (_, theme) => {
  it.each([...pairs(TEXTS, GROUNDS), ["text", "marker"] as const, ["on-accent", "accent"] as const])(
    "%s can be read on %s",
    (front, back) => {
      expect(contrast(colour(front, theme), colour(back, theme))).toBeGreaterThanOrEqual(4.5);
    },
  );

  it.each(pairs(["line-field", "accent"], ["ground", "surface", "sunken"]))("%s can be seen on %s", (front, back) => {
    expect(contrast(colour(front, theme), colour(back, theme))).toBeGreaterThanOrEqual(3);
  });
});
