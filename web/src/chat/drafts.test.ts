import { act, renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { claimDrafts, dropDraft, forgetDrafts, keepDraft, moveDraft, readDraft, useDraft } from "./drafts";

const typed = (key: string, text: string) => {
  const { result, unmount } = renderHook(() => useDraft(key));
  act(() => result.current[1](text));
  unmount();
};

describe("a draft", () => {
  beforeEach(forgetDrafts);

  it("is there again in the field of its conversation, and in no other", () => {
    typed("c1", "And when?");
    expect(renderHook(() => useDraft("c1")).result.current[0]).toBe("And when?");
    expect(renderHook(() => useDraft("c2")).result.current[0]).toBe("");
  });

  it("outlives loading the page afresh, until it is asked", async () => {
    typed("c1", "And when?");
    vi.resetModules();
    const afresh = await import("./drafts");
    expect(afresh.readDraft("c1")).toBe("And when?");
    typed("c1", "");
    expect(sessionStorage.length).toBe(0);
  });

  it("takes back a question that was not taken, before what was typed since, in its field too", () => {
    const { result } = renderHook(() => useDraft("c1"));
    act(() => result.current[1]("Next?"));
    act(() => keepDraft("c1", "First?"));
    expect(result.current[0]).toBe("First?\nNext?");
  });

  it("goes with the question that it was, and stays where more was typed since", () => {
    typed("c1", " And when? ");
    dropDraft("c1", "And when?");
    expect(readDraft("c1")).toBe("");
    typed("c1", "And when? And where?");
    dropDraft("c1", "And when?");
    expect(readDraft("c1")).toBe("And when? And where?");
  });

  it("goes along to another key, and leaves what is there where nothing was typed", () => {
    typed("edit.c1.live-1", "And when?");
    moveDraft("edit.c1.live-1", "edit.c1.a1");
    moveDraft("edit.c1.live-1", "edit.c1.a1");
    expect(readDraft("edit.c1.live-1")).toBe("");
    expect(readDraft("edit.c1.a1")).toBe("And when?");
  });

  it.each([
    ["stays for the same person", "u1", "And when?"],
    ["is gone for anybody else", "u2", ""],
  ])("%s who signs in after the session expired", async (_what, person, left) => {
    claimDrafts("u1");
    typed("c1", "And when?");
    vi.resetModules();
    const afresh = await import("./drafts");
    afresh.claimDrafts(person);
    expect(afresh.readDraft("c1")).toBe(left);
    expect(sessionStorage.getItem("footnote.draft.c1")).toBe(left || null);
  });

  it("is gone where nobody knows whose it was", () => {
    typed("c1", "And when?");
    claimDrafts("u1");
    expect(readDraft("c1")).toBe("");
  });

  it("is gone after signing out", () => {
    claimDrafts("u1");
    typed("c1", "And when?");
    forgetDrafts();
    expect(readDraft("c1")).toBe("");
    expect(sessionStorage.length).toBe(0);
  });
});
