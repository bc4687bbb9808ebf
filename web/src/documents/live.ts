/** Which documents will change by themselves, and how their news enters lists that are shown. Knows nothing of React. */

import type { Document, Page } from "@/api/types";

/** As many documents as one look asks after; more wait for their turn, as they do on the server. */
export const AT_ONCE = 100;

export interface Pages {
  pages: Page<Document>[];
  pageParams: unknown[];
}

/** Whether the server still has work to do on it, so that its state will change by itself. */
export function isUnderWay({ state }: Pick<Document, "state">): boolean {
  return state === "queued" || state === "running";
}

/** Ids of the documents to be asked after, each once: what runs first, since that changes next. */
export function unfinishedIds(documents: readonly Pick<Document, "id" | "state">[]): string[] {
  const waiting = documents.filter(isUnderWay);
  const ordered = [...waiting.filter(({ state }) => state === "running"), ...waiting];
  return [...new Set(ordered.map(({ id }) => id))].slice(0, AT_ONCE);
}

/** The lists with the news in them. Every row stays at its place, also where a filter would no longer find it. */
export function withNews(lists: Pages | undefined, news: readonly Document[]): Pages | undefined {
  if (!lists) return lists;
  const byId = new Map(news.map((document) => [document.id, document]));
  if (!lists.pages.some(({ items }) => items.some(({ id }) => byId.has(id)))) return lists;
  const pages = lists.pages.map((page) => ({
    ...page,
    items: page.items.map((document) => byId.get(document.id) ?? document),
  }));
  return { ...lists, pages };
}
