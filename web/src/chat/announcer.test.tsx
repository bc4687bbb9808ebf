import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import type { Answer } from "@/api/types";
import { Announcer } from "./announcer";
import { begin, finish } from "./turns";

const answer = (outcome: Answer["outcome"], refusal: unknown = null) =>
  ({ id: "a1", text: "", sentences: [], sources: [], outcome, refusal }) as unknown as Answer;

it.each([
  [answer("answered"), "The answer is complete."],
  [answer("refused", { reason: "no_evidence", closest: [] }), "No document that you may read answers this"],
  [answer("refused", { reason: "model_unavailable", closest: [] }), "The language model is not available"],
  [answer("refused", { reason: "unclear_question", closest: [{}] }), "Which one do you mean?"],
])("says how an answer ended: %#", (ended, words) => {
  const turn = begin("Who?");
  const { rerender } = render(<Announcer turn={turn} />);
  const log = screen.getByRole("log");
  expect(log.textContent).toBe("Searching the documents.");
  rerender(<Announcer turn={finish(turn, ended)} />);
  expect(log.textContent).toBe(words);
});

it("says nothing of a conversation that is opened", () => {
  render(<Announcer turn={finish(begin("Who?"), answer("answered"))} />);
  expect(screen.getByRole("log").textContent).toBe("");
});
