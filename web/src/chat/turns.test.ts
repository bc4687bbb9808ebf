import { describe, expect, it } from "vitest";
import type { Answer, Message, Sentence, Source } from "@/api/types";
import { toTurns } from "./conversations";
import { advance, begin } from "./turns";

const sentence: Sentence = { text: "Yes [1].", start: 0, end: 8, status: "supported", citations: [] };
const source = { number: 1, title: "Handbook" } as Source;
const answer = { id: "a1", text: "Yes [1].", sentences: [sentence], sources: [source], outcome: "answered" } as Answer;

describe("a turn", () => {
  it("grows with each event and is the answer in the end", () => {
    let turn = begin("Is it?");
    expect(turn.phase).toBe("searching");
    turn = advance(turn, { event: "sources", data: [source] });
    expect(turn).toMatchObject({ phase: "searching", sources: [source] });
    turn = advance(turn, { event: "text", data: { delta: "Yes " } });
    turn = advance(turn, { event: "text", data: { delta: "[1]." } });
    expect(turn).toMatchObject({ phase: "writing", text: "Yes [1]." });
    turn = advance(turn, { event: "sentence", data: sentence });
    expect(turn.sentences).toEqual([sentence]);
    turn = advance(turn, { event: "done", data: answer });
    expect(turn).toMatchObject({ phase: "done", question: "Is it?", text: "Yes [1].", answer });
  });

  it("takes the final text where a sentence was withheld after it had been shown", () => {
    const shown = advance(begin("?"), { event: "text", data: { delta: "Withheld. Yes [1]." } });
    expect(advance(shown, { event: "done", data: answer }).text).toBe("Yes [1].");
  });
});

describe("stored messages as turns", () => {
  const message = (role: Message["role"], content: string, stored: Answer | null = null): Message => ({
    id: content,
    role,
    content,
    answer: stored,
    created_at: "2026-03-04T12:00:00Z",
  });

  it("pairs each question with the answer that follows it", () => {
    const turns = toTurns([message("user", "Is it?"), message("assistant", "Yes [1].", answer)]);
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({ question: "Is it?", phase: "done", answer });
  });

  it("shows a question without an answer as stopped", () => {
    const turns = toTurns([message("user", "One?"), message("user", "Two?"), message("assistant", "Yes [1].", answer)]);
    expect(turns.map((turn) => [turn.question, turn.phase])).toEqual([
      ["One?", "stopped"],
      ["Two?", "done"],
    ]);
  });
});
