import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetDrafts, readDraft } from "./drafts";
import { Question } from "./question";

const onAsk = vi.fn();

const question = (draft: string, earlier = draft) => (
  <Question question="Who signs?" draft={draft} earlier={earlier} onAsk={onAsk} />
);
const show = () => render(question("edit.a1"));
const field = () => screen.queryByRole("textbox", { name: "Edit question" });
let left: () => void;

beforeEach(() => {
  onAsk.mockReset();
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  forgetDrafts();
  left = show().unmount;
});

describe("a question that is edited", () => {
  it("is sent with Enter", async () => {
    await userEvent.tab();
    await userEvent.keyboard("{Enter}");
    const field = screen.getByRole("textbox", { name: "Edit question" });
    expect(field).toHaveProperty("value", "Who signs?");
    expect(document.activeElement).toBe(field);
    const note = document.getElementById(field.getAttribute("aria-describedby") ?? "");
    expect(note?.textContent).toContain("will be replaced");
    await userEvent.keyboard(" And when?{Enter}");
    expect(onAsk.mock.calls).toEqual([["Who signs? And when?"]]);
    expect(screen.queryByRole("textbox")).toBeNull();
  });

  it("is left with Escape, and the focus goes back", async () => {
    await userEvent.click(screen.getByRole("button", { name: "Edit question" }));
    await userEvent.keyboard("x{Escape}");
    expect(onAsk).not.toHaveBeenCalled();
    expect(screen.queryByRole("textbox")).toBeNull();
    expect(screen.getByRole("heading", { name: "Who signs?" })).toBeTruthy();
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Edit question" }));
  });

  it("is there again for who left its conversation, and leaves the focus where it is", async () => {
    await userEvent.click(screen.getByRole("button", { name: "Edit question" }));
    await userEvent.keyboard(" And when?");
    left();
    show();
    expect(field()).toHaveProperty("value", "Who signs? And when?");
    expect(document.activeElement).toBe(document.body);
    await userEvent.type(field() as HTMLElement, "{Enter}");
    expect(onAsk.mock.calls).toEqual([["Who signs? And when?"]]);
    expect(readDraft("edit.a1")).toBe("");
  });

  it("takes what was written along where the answer is found after all", async () => {
    left();
    const { rerender, unmount } = render(question("edit.c1.live-1"));
    await userEvent.click(screen.getByRole("button", { name: "Edit question" }));
    await userEvent.keyboard(" And when?");
    rerender(question("edit.c1.a1", "edit.c1.live-1"));
    expect(field()).toHaveProperty("value", "Who signs? And when?");
    expect(readDraft("edit.c1.live-1")).toBe("");
    unmount();
    render(question("edit.c1.a1"));
    expect(field()).toHaveProperty("value", "Who signs? And when?");
  });

  it.each([
    ["cancelled", "x{Escape}"],
    ["the question as it was", "x{Backspace}"],
  ])("is not there again where it was %s", async (_what, keys) => {
    await userEvent.click(screen.getByRole("button", { name: "Edit question" }));
    await userEvent.keyboard(keys);
    left();
    show();
    expect(field()).toBeNull();
  });
});
