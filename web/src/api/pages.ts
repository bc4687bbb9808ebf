/** Lists that are read whole, however many pages the server makes of them. */

import type { Page } from "./types";

/** All items of a list; `read` answers the page that begins at a cursor, the first one at null. */
export async function wholeList<T>(read: (cursor: string | null) => Promise<Page<T>>): Promise<{ items: T[] }> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await read(cursor);
    items.push(...page.items);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null);
  return { items };
}
