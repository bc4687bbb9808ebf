import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { describe, expect, it, vi } from "vitest";
import type { Source } from "@/api/types";
import { RefusalView } from "./refusal-view";
import type { Turn } from "./turns";

function source(number: number, title: string): Source {
  return {
    number,
    document_id: `d${number}`,
    version: 1,
    title,
    url: null,
    data_source: "wiki",
    external_id: title,
    page: null,
    heading_path: [],
    start: 0,
    end: 4,
    text: "Text",
    modified_at: null,
    superseded_by: null,
  };
}

function refused(reason: "no_evidence" | "unclear_question", closest: Source[]): Turn {
  const answer = { outcome: "refused", refusal: { reason, closest } };
  return { question: "Where may I park at the office?", answer } as unknown as Turn;
}

const OFFICES = [source(1, "Lisbon office"), source(2, "Porto office")];

describe("a refusal", () => {
  it("asks back which document is meant, and asks again with the one that is chosen", async () => {
    const onAsk = vi.fn();
    render(<RefusalView turn={refused("unclear_question", OFFICES)} onAsk={onAsk} />, { wrapper: MemoryRouter });
    expect(screen.getByText("Which one do you mean?")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Porto office" }));
    expect(onAsk.mock.calls).toEqual([["Where may I park at the office? (Porto office)"]]);
  });

  it("offers no choice while an answer is arriving", () => {
    render(<RefusalView turn={refused("unclear_question", OFFICES)} onAsk={undefined} />, { wrapper: MemoryRouter });
    expect(screen.getByRole("button", { name: "Porto office" })).toHaveProperty("disabled", true);
  });

  it("without a choice shows what came closest", () => {
    render(<RefusalView turn={refused("no_evidence", OFFICES)} onAsk={vi.fn()} />, { wrapper: MemoryRouter });
    expect(screen.queryByRole("button", { name: "Porto office" })).toBeNull();
    expect(screen.getByText("Closest passages")).toBeTruthy();
  });
});
