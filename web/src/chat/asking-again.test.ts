import { act, renderHook, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer, Message } from "@/api/types";
import { toTurns } from "./conversations";
import { ask, overFrom, standing, stop, useLiveTurns, type Turn } from "./turns";

/** A server whose answers come when the test says so. The client takes `fetch` when it is loaded: so this comes first. */
const server = vi.hoisted(() => {
  const nothing: { say: (text: string) => void; end: () => void } = { say: () => undefined, end: () => undefined };
  const state = { asked: [] as unknown[], ...nothing };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    state.asked.push(await request.json());
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        const encoder = new TextEncoder();
        state.say = (text) => controller.enqueue(encoder.encode(text));
        state.end = () => controller.close();
        request.signal.addEventListener("abort", () => controller.error(new DOMException("", "AbortError")));
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  });
  return state;
});

const answerOf = (id: string) =>
  ({ id, text: `${id}.`, sentences: [], sources: [], outcome: "answered" }) as unknown as Answer;
const message = (id: string, answer: Answer | null): Message => ({
  id,
  role: answer ? "assistant" : "user",
  content: `${id}?`,
  answer,
  created_at: "2026-03-04T12:00:00Z",
});
const STORED = toTurns([
  message("q1", null),
  message("a1", answerOf("a1")),
  message("q2", null),
  message("a2", answerOf("a2")),
]);
const questions = (turns: readonly Turn[]) => turns.map((turn) => [turn.question, turn.phase]);
const first = STORED[0] as Turn;
const BEFORE = [
  ["q1?", "done"],
  ["q2?", "done"],
];

let number = 0;
let conversation = "";
function opened() {
  const { result } = renderHook(() => useLiveTurns(conversation));
  const turns = () => standing([...STORED, ...result.current]);
  return {
    turns,
    ask: (question: string, turn?: Turn) => ask(conversation, question, turn && overFrom(turns(), turn)),
  };
}
const answers = (id: string) => {
  server.say(`event: done\ndata: ${JSON.stringify(answerOf(id))}\n\n`);
  server.end();
};

describe("a question asked again", () => {
  beforeEach(() => {
    server.asked.length = 0;
    conversation = `c${String(++number)}`;
  });

  it("takes the place of its turn and all behind it, and stays", async () => {
    const page = opened();
    let asking = Promise.resolve();
    act(() => void (asking = page.ask("Q1?", first)));
    expect(questions(page.turns())).toEqual([["Q1?", "searching"]]);
    await waitFor(() =>
      expect(server.asked).toEqual([{ question: "Q1?", conversation_id: conversation, replaces: "a1", stream: true }]),
    );
    await act(async () => {
      answers("a3");
      await asking;
    });
    expect(questions(page.turns())).toEqual([["Q1?", "done"]]);

    act(() => void (asking = page.ask("Q3?")));
    await waitFor(() => expect(server.asked).toHaveLength(2));
    await act(async () => {
      answers("a4");
      await asking;
    });
    expect(questions(page.turns())).toEqual([
      ["Q1?", "done"],
      ["Q3?", "done"],
    ]);
    expect(server.asked[1]).not.toHaveProperty("replaces");

    act(() => void (asking = page.ask("QQ1?", page.turns()[0])));
    await waitFor(() => expect(server.asked).toHaveLength(3));
    expect(server.asked[2]).toMatchObject({ replaces: "a3" });
    expect(questions(page.turns())).toEqual([["QQ1?", "searching"]]);
    await act(async () => {
      answers("a5");
      await asking;
    });
  });

  it("leaves all as it was when it is stopped, and its next try replaces the same", async () => {
    const page = opened();
    let asking = Promise.resolve();
    act(() => void (asking = page.ask("Q2?", STORED[1])));
    expect(questions(page.turns())).toEqual([
      ["q1?", "done"],
      ["Q2?", "searching"],
    ]);
    await waitFor(() => expect(server.asked).toHaveLength(1));
    await act(async () => {
      stop(conversation);
      await asking;
    });
    expect(questions(page.turns())).toEqual([...BEFORE, ["Q2?", "stopped"]]);

    act(() => void (asking = page.ask("Q2, really?", page.turns()[2])));
    expect(questions(page.turns())).toEqual([
      ["q1?", "done"],
      ["Q2, really?", "searching"],
    ]);
    await waitFor(() => expect(server.asked[1]).toMatchObject({ replaces: "a2" }));
    await act(async () => {
      answers("a3");
      await asking;
    });
    expect(questions(page.turns())).toEqual([
      ["q1?", "done"],
      ["Q2, really?", "done"],
    ]);
  });

  it("leaves all as it was when it fails, and is gone with the next question", async () => {
    const page = opened();
    let asking = Promise.resolve();
    act(() => void (asking = page.ask("Q1?", first)));
    await waitFor(() => expect(server.asked).toHaveLength(1));
    const problem = { status: 409, code: "conflict", title: "Conflict", detail: "It went on." };
    await act(async () => {
      server.say(`event: error\ndata: ${JSON.stringify(problem)}\n\n`);
      server.end();
      await expect(asking).rejects.toThrow();
    });
    expect(questions(page.turns())).toEqual([...BEFORE, ["Q1?", "failed"]]);
    act(() => void (asking = page.ask("Q3?")));
    expect(questions(page.turns())).toEqual([...BEFORE, ["Q3?", "searching"]]);
    await waitFor(() => expect(server.asked).toHaveLength(2));
    expect(server.asked[1]).not.toHaveProperty("replaces");
    await act(async () => {
      answers("a4");
      await asking;
    });
  });

  it("names what is stored behind a turn that itself never was", async () => {
    const page = opened();
    let asking = Promise.resolve();
    act(() => void (asking = page.ask("Stopped?")));
    await waitFor(() => expect(server.asked).toHaveLength(1));
    await act(async () => {
      stop(conversation);
      await asking;
    });
    const stopped = page.turns()[2] as Turn;
    expect(overFrom(page.turns(), stopped)).toEqual({ turn: stopped.id, message: null });
    act(() => void (asking = page.ask("Next?")));
    await waitFor(() => expect(server.asked).toHaveLength(2));
    await act(async () => {
      answers("a3");
      await asking;
    });
    expect(overFrom(page.turns(), stopped)).toEqual({ turn: stopped.id, message: "a3" });
    act(() => void (asking = page.ask("Again?", stopped)));
    expect(questions(page.turns())).toEqual([...BEFORE, ["Again?", "searching"]]);
    await waitFor(() => expect(server.asked).toHaveLength(3));
    await act(async () => {
      answers("a4");
      await asking;
    });
  });
});
