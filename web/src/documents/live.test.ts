import { describe, expect, it } from "vitest";
import type { Document } from "@/api/types";
import { AT_ONCE, unfinishedIds, withNews, type Pages } from "./live";

const document = (id: string, state: string): Document => ({ id, state }) as Document;
const lists = (...pages: Document[][]): Pages => ({
  pages: pages.map((items) => ({ items, next_cursor: null })),
  pageParams: pages.map(() => null),
});

describe("documents that are asked after", () => {
  it("are those that will change by themselves, running ones first, each once", () => {
    const shown = [document("a", "queued"), document("b", "ready"), document("c", "running"), document("a", "queued")];
    expect(unfinishedIds(shown)).toEqual(["c", "a"]);
  });

  it("are never more than one request can name", () => {
    const many = Array.from({ length: 10_000 }, (_, number) => document(String(number), "queued"));
    expect(unfinishedIds(many)).toHaveLength(AT_ONCE);
  });
});

describe("news", () => {
  it("replace their rows on whichever page they stand, and nothing moves", () => {
    const before = lists([document("a", "queued"), document("b", "ready")], [document("c", "running")]);
    const after = withNews(before, [document("c", "failed"), document("z", "ready")]);
    expect(after?.pages.map((page) => page.items.map(({ id, state }) => id + state))).toEqual([
      ["aqueued", "bready"],
      ["cfailed"],
    ]);
  });

  it("of documents that are not shown leave the very same lists, so that nothing is drawn again", () => {
    const before = lists([document("a", "queued")]);
    expect(withNews(before, [document("b", "ready")])).toBe(before);
    expect(withNews(undefined, [])).toBeUndefined();
  });
});
