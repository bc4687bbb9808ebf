/**
 * Unicode code points, in which the server counts, against UTF-16 units, in which JavaScript strings count.
 * Knows nothing of documents or answers.
 */

const HAS_SURROGATE = /[\uD800-\uDFFF]/;

function unitsAt(text: string, unit: number): 1 | 2 {
  const code = text.charCodeAt(unit);
  if (code < 0xd800 || code > 0xdbff || unit + 1 >= text.length) return 1;
  const next = text.charCodeAt(unit + 1);
  return next >= 0xdc00 && next <= 0xdfff ? 2 : 1;
}

/**
 * Gives the UTF-16 index of each code point offset, in the order asked. Offsets before the start or past the end are
 * moved to them. One pass over the text, whatever the number of offsets.
 */
export function toUnits(text: string, offsets: readonly number[]): number[] {
  if (!HAS_SURROGATE.test(text)) return offsets.map((offset) => Math.max(0, Math.min(offset, text.length)));
  const order = offsets.map((_, position) => position).sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0));
  const units = new Array<number>(offsets.length).fill(0);
  let unit = 0;
  let point = 0;
  for (const position of order) {
    const wanted = offsets[position] ?? 0;
    while (point < wanted && unit < text.length) {
      unit += unitsAt(text, unit);
      point += 1;
    }
    units[position] = unit;
  }
  return units;
}

/** `text[start:end]` as the server means it. */
export function slicePoints(text: string, start: number, end: number): string {
  const [from = 0, to = 0] = toUnits(text, [start, end]);
  return text.slice(from, to);
}
