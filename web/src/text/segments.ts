/**
 * An answer's text, cut into blocks (paragraphs, lists), runs (one sentence each) and parts (text, citation, link).
 * The one form from which streamed and stored answers are drawn. Knows nothing of React, and makes no markup:
 * whatever stands in the text comes out as text.
 */

import type { Citation, Sentence } from "@/api/types";
import { slicePoints, toUnits } from "./code-points";
import { splitLinks, type TextPart } from "./links";

export type Part = TextPart | { kind: "citation"; number: number; citation: Citation | null };

/** A stretch of text of one sentence; `sentence` is null for text that is not (yet) checked. */
export interface Run {
  key: string;
  sentence: Sentence | null;
  parts: Part[];
}

export type Block =
  { kind: "paragraph"; runs: Run[] } | { kind: "list"; ordered: boolean; first: number; items: Run[][] };

interface Span {
  start: number;
  end: number;
}

interface SentenceSpan extends Span {
  sentence: Sentence;
}

const BULLET = /^[ \t]*[-*•–][ \t]+/;
const NUMBER = /^[ \t]*(\d{1,3})[.)][ \t]+/;
const MARKER = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

/** `sources` are the numbers that an unchecked `[n]` may name; others stay text. */
export function toBlocks(text: string, sentences: readonly Sentence[], sources: ReadonlySet<number>): Block[] {
  const spans = locate(text, sentences);
  return toLines(text).map((line): Block => {
    const runs = line.spans.map((span) => toRuns(text, span, spans, sources));
    if (line.kind === "paragraph") return { kind: "paragraph", runs: runs.flat() };
    return { kind: "list", ordered: line.ordered, first: line.first, items: runs };
  });
}

/** Sentences at their UTF-16 place. One whose offsets do not fit is looked for by its words, or left out. */
function locate(text: string, sentences: readonly Sentence[]): SentenceSpan[] {
  const ordered = [...sentences].sort((a, b) => a.start - b.start);
  const units = toUnits(
    text,
    ordered.flatMap((sentence) => [sentence.start, sentence.end]),
  );
  const found: SentenceSpan[] = [];
  let cursor = 0;
  ordered.forEach((sentence, index) => {
    let start = units[2 * index] ?? 0;
    if (slicePoints(text, sentence.start, sentence.end) !== sentence.text) start = text.indexOf(sentence.text, cursor);
    if (start < cursor || sentence.text === "") return;
    cursor = start + sentence.text.length;
    found.push({ start, end: cursor, sentence });
  });
  return found;
}

type Line =
  | { kind: "paragraph"; spans: Span[] }
  | { kind: "list"; ordered: boolean; first: number; start: number; spans: Span[] };

/** Blocks as stretches of the text. A number alone makes no list: it is a heading's or a quote's own ("5. Meals"). */
function toLines(text: string): Line[] {
  return readLines(text).map((line): Line => {
    const end = line.spans[0]?.end ?? 0;
    const alone = line.kind === "list" && line.ordered && line.spans.length === 1;
    return alone ? { kind: "paragraph", spans: [{ start: line.start, end }] } : line;
  });
}

function readLines(text: string): Line[] {
  const lines: Line[] = [];
  let open: Line | null = null;
  let offset = 0;
  for (const raw of text.split("\n")) {
    const start = offset;
    const end = start + raw.length;
    offset = end + 1;
    if (raw.trim() === "") {
      // A blank line ends a paragraph, but a list may go on after it.
      if (open?.kind === "paragraph") open = null;
      continue;
    }
    const number = NUMBER.exec(raw);
    const marker = number ?? BULLET.exec(raw);
    const previous: Span | undefined = open?.spans.at(-1);
    if (marker) {
      const ordered = number !== null;
      if (open?.kind !== "list" || open.ordered !== ordered) {
        open = { kind: "list", ordered, first: Number(number?.[1] ?? 1), start, spans: [] };
        lines.push(open);
      }
      open.spans.push({ start: start + marker[0].length, end });
    } else if (open && previous && text.slice(previous.end, start).length === 1) {
      previous.end = end;
    } else {
      open = { kind: "paragraph", spans: [{ start, end }] };
      lines.push(open);
    }
  }
  return lines;
}

function toRuns(text: string, block: Span, spans: SentenceSpan[], sources: ReadonlySet<number>): Run[] {
  const runs: Run[] = [];
  const plain = (start: number, end: number) => {
    if (end > start)
      runs.push({ key: `t${start}`, sentence: null, parts: plainParts(text.slice(start, end), sources) });
  };
  let cursor = block.start;
  for (const { start, end, sentence } of spans) {
    const from = Math.max(start, block.start);
    const to = Math.min(end, block.end);
    if (to <= from) continue;
    plain(cursor, from);
    runs.push({
      key: `s${from}`,
      sentence,
      parts: sentenceParts(text, { start, end }, { start: from, end: to }, sentence),
    });
    cursor = to;
  }
  plain(cursor, block.end);
  return runs;
}

function plainParts(text: string, sources: ReadonlySet<number>): Part[] {
  return withMarkers(text, (number) => (sources.has(number) ? { kind: "citation", number, citation: null } : null));
}

/** The k-th `[n]` of a sentence is its k-th citation of source n; citations without a marker follow its last word. */
function sentenceParts(text: string, whole: Span, shown: Span, sentence: Sentence): Part[] {
  const left = [...sentence.citations];
  const take = (number: number): Part | null => {
    const at = left.findIndex((citation) => citation.source === number);
    const citation = at >= 0 ? left.splice(at, 1)[0] : sentence.citations.find((one) => one.source === number);
    return citation ? { kind: "citation", number, citation } : null;
  };
  withMarkers(text.slice(whole.start, shown.start), take);
  const parts = withMarkers(text.slice(shown.start, shown.end), take);
  if (shown.end < whole.end) return parts;
  return [...parts, ...left.map((citation): Part => ({ kind: "citation", number: citation.source, citation }))];
}

function withMarkers(text: string, resolve: (number: number) => Part | null): Part[] {
  const parts: Part[] = [];
  let cursor = 0;
  for (const match of text.matchAll(MARKER)) {
    const numbers = (match[1] ?? "").split(",").map(Number);
    const resolved = numbers.map(resolve);
    if (resolved.includes(null)) continue;
    parts.push(...splitLinks(text.slice(cursor, match.index)), ...resolved.filter((part) => part !== null));
    cursor = match.index + match[0].length;
  }
  return [...parts, ...splitLinks(text.slice(cursor))];
}
