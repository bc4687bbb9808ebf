/** The surroundings of a quote in its passage. Knows nothing of how they are shown. */

export interface Surroundings {
  before: string;
  after: string;
}

/** The rest of a cut word, or half of a character; text without spaces is cut where the length ends. */
const CUT_START = /^(?:\S{0,20}\s|[\udc00-\udfff])/;
const CUT_END = /(?:\s\S{0,20}|[\ud800-\udbff])$/;

/**
 * What stands before and after `quote` in `passage`, at most about `length` characters each, cut between words and
 * with an ellipsis where something was left out. Both are empty if the quote is not in the passage.
 */
export function around(passage: string, quote: string, length: number): Surroundings {
  const start = passage.indexOf(quote);
  if (start < 0) return { before: "", after: "" };
  const end = start + quote.length;
  const before = passage.slice(0, start);
  const after = passage.slice(end);
  return {
    before: before.length <= length ? before : `…${before.slice(-length).replace(CUT_START, "")}`,
    after: after.length <= length ? after : `${after.slice(0, length).replace(CUT_END, "")}…`,
  };
}
