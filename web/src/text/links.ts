/** Addresses in text. Only http(s), without a user part, and always shown with the host that will be visited. */

export type TextPart = { kind: "text"; text: string } | { kind: "link"; href: string; text: string };

/** Chinese, Japanese and Korean are written without blanks: an address ends where their script goes on. */
const ADDRESS = /https?:\/\/[^\s<>"'`\]\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]+/gi;
const TRAILING = /[.,;:!?»”’]/;

/** The address as it may be linked and shown, or null where it is not one that may be. */
export function safeAddress(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const web = url.protocol === "https:" || url.protocol === "http:";
  return web && !url.username && !url.password ? url.href : null;
}

export function hostOf(address: string): string {
  return new URL(address).host;
}

/** Text with its addresses as links, each shown as `legible` has it. */
export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let cursor = 0;
  const plain = (end: number) => {
    if (end > cursor) parts.push({ kind: "text", text: text.slice(cursor, end) });
  };
  for (const match of text.matchAll(ADDRESS)) {
    const written = withoutTrailing(match[0]);
    const href = safeAddress(written);
    if (!href) continue;
    plain(match.index);
    parts.push({ kind: "link", href, text: legible(href, written) });
    cursor = match.index + written.length;
  }
  plain(text.length);
  return parts;
}

/** The address without what belongs to the sentence around it. A bracket that was opened in it is its own. */
function withoutTrailing(address: string): string {
  let end = address.length;
  let open = count(address, "(") - count(address, ")");
  for (; end > 0; end -= 1) {
    const last = address.charAt(end - 1);
    if (last === ")" && open < 0) open += 1;
    else if (!TRAILING.test(last)) break;
  }
  return address.slice(0, end);
}

const count = (text: string, character: string) => text.split(character).length - 1;

/** The host as it is looked up, so that look-alikes show as xn--, and the rest with its letters instead of codes. */
function legible(href: string, written: string): string {
  const { origin, pathname, search, hash } = new URL(href);
  const bare = pathname === "/" && !search && !hash && !written.endsWith("/");
  return bare ? origin : origin + `${pathname}${search}${hash}`.replace(/(?:%[89a-f][\da-f])+/gi, decoded);
}

/** Letters and numbers only: other characters could turn the text round, or look like a part of the host. */
function decoded(codes: string): string {
  try {
    return decodeURIComponent(codes).replace(/[^\p{L}\p{M}\p{N}]/gu, encodeURIComponent);
  } catch {
    return codes;
  }
}
