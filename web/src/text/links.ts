/** Addresses in text. Only http(s), without a user part, and always shown with the host that will be visited. */

export type TextPart = { kind: "text"; text: string } | { kind: "link"; href: string; text: string };

const ADDRESS = /https?:\/\/[^\s<>"'`\]]+/gi;
const TRAILING = /[.,;:!?)»”’]+$/;

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

/** Text with its addresses as links. A link's text is the normalised address, so that look-alike hosts show as xn--. */
export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let cursor = 0;
  const plain = (end: number) => {
    if (end > cursor) parts.push({ kind: "text", text: text.slice(cursor, end) });
  };
  for (const match of text.matchAll(ADDRESS)) {
    const written = match[0].replace(TRAILING, "");
    const href = safeAddress(written);
    if (!href) continue;
    plain(match.index);
    parts.push({ kind: "link", href, text: href });
    cursor = match.index + written.length;
  }
  plain(text.length);
  return parts;
}
