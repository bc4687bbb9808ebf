import { describe, expect, it } from "vitest";
import { wholeList } from "./pages";

describe("a list that is read whole", () => {
  it("goes on where a page ends, until there is none", async () => {
    const asked: (string | null)[] = [];
    const list = await wholeList((cursor) => {
      asked.push(cursor);
      const next = { start: "second", second: null }[cursor ?? "start"] ?? null;
      return Promise.resolve({ items: [cursor], next_cursor: next });
    });
    expect(list.items).toEqual([null, "second"]);
    expect(asked).toEqual([null, "second"]);
  });
});
