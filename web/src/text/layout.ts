/**
 * A document's text in sections, a page each, with one passage marked. Offsets come in code points; what comes out
 * are pieces of the text itself, all of it, in order. Knows nothing of how they are drawn.
 */

import type { PageSpan } from "@/api/types";
import { toUnits } from "./code-points";

export interface Piece {
  text: string;
  marked: boolean;
}

export interface Section {
  /** The page that begins here, or null where the text goes on or has no pages. */
  page: number | null;
  pieces: Piece[];
}

export interface Passage {
  start: number;
  end: number;
}

/** UTF-16 units after which text without pages is cut, so that a browser need not lay it all out at once. */
const LONG = 12_000;

export function layout(text: string, pages: readonly PageSpan[], passage: Passage | null): Section[] {
  const ordered = [...pages].sort((a, b) => a.start - b.start);
  const units = toUnits(text, [...ordered.map((page) => page.start), passage?.start ?? 0, passage?.end ?? 0]);
  const [from = 0, to = 0] = units.slice(-2);
  const sections: Section[] = [];
  let cursor = 0;
  const add = (end: number, page: number | null) => {
    if (end <= cursor) return;
    sections.push({ page, pieces: cut(text, cursor, end, from, to) });
    cursor = end;
  };
  ordered.forEach((page, index) => {
    const start = units[index] ?? 0;
    const end = index + 1 < ordered.length ? (units[index + 1] ?? text.length) : text.length;
    if (start > cursor) add(start, null);
    add(end, page.number);
  });
  while (cursor < text.length) add(lineEnd(text, cursor + LONG), null);
  return sections.filter(
    (section) => section.page !== null || section.pieces.some((piece) => piece.text.trim() !== ""),
  );
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf("\n", from);
  return at < 0 ? text.length : at + 1;
}

function cut(text: string, start: number, end: number, from: number, to: number): Piece[] {
  const first = Math.min(Math.max(from, start), end);
  const last = Math.min(Math.max(to, first), end);
  const pieces = [
    { text: text.slice(start, first), marked: false },
    { text: text.slice(first, last), marked: true },
    { text: text.slice(last, end), marked: false },
  ];
  return pieces.filter((piece) => piece.text !== "");
}
