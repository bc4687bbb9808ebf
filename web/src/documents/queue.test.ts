import { describe, expect, it } from "vitest";
import { queueWords } from "./queue";

describe("the queue in words", () => {
  it.each([
    [0, 0, null, null],
    [0, 0, 12, null],
    [1, 0, null, "1 waits"],
    [1412, 2, 480, "1,412 wait, 2 are being read · about 8 min left"],
    [0, 1, 2, "1 is being read · a few seconds left"],
  ])("%s waiting, %s running, %s s: %s", (waiting, running, remaining_s, words) => {
    expect(queueWords({ waiting, running, remaining_s })).toBe(words);
  });
});
