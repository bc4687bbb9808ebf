import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Question } from "./question";

const onAsk = vi.fn();

beforeEach(() => {
  onAsk.mockReset();
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  render(<Question question="Who signs?" onAsk={onAsk} />);
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
});
