import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Answer } from "@/api/types";
import { AnswerActions } from "./answer-actions";

// There is no clipboard here.
vi.mock("@/ui/copy", () => ({ copyText: () => Promise.resolve(true) }));

it("says that an answer is copied", async () => {
  const answer = { id: "a1", text: "Yes.", sentences: [], sources: [], outcome: "answered" } as unknown as Answer;
  render(
    <QueryClientProvider client={new QueryClient()}>
      <AnswerActions answer={answer} onAgain={undefined} />
    </QueryClientProvider>,
  );
  const status = screen.getByRole("status");
  expect(status.textContent).toBe("");
  await userEvent.click(screen.getByRole("button", { name: "Copy with sources" }));
  await waitFor(() => expect(status.textContent).toBe("Copied"));
});
