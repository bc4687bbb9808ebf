import { focusManager, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer, Message } from "@/api/types";
import { say } from "@/ui/toasts";
import { useAsk, useTurns } from "./conversations";
import { readDraft } from "./drafts";
import { dropGivenUp, overFrom, stop, type Turn } from "./turns";

vi.mock("@/ui/toasts", () => ({ say: vi.fn(), sayError: vi.fn() }));

/** A server with one conversation's list, and answers that come when the test says so. */
const server = vi.hoisted(() => {
  const state = {
    messages: [] as unknown[],
    asked: [] as unknown[],
    /** Gives the lists that are waited for, where they are held back. */
    held: null as (() => void)[] | null,
    /** The events of the next answers, the status of their refusal, or null for answers that do not come. */
    answer: "" as string | number | null,
  };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    if (request.url.endsWith("/messages")) {
      const body = { items: state.messages };
      const { held } = state;
      if (held) await new Promise<void>((resolve) => held.push(resolve));
      return Response.json(body);
    }
    if (!request.url.endsWith("/ask")) return Response.json({ items: [], next_cursor: null });
    state.asked.push(await request.json());
    if (typeof state.answer === "number") return Response.json({ status: state.answer }, { status: state.answer });
    const never = new ReadableStream({
      start: (controller) =>
        request.signal.addEventListener("abort", () => controller.error(new DOMException("", "AbortError"))),
    });
    return new Response(state.answer ?? never, { headers: { "content-type": "text/event-stream" } });
  });
  return state;
});

const answerOf = (id: string) =>
  ({ id, text: `${id}.`, sentences: [], sources: [], outcome: "answered" }) as unknown as Answer;
const event = (id: string) => `event: done\ndata: ${JSON.stringify(answerOf(id))}\n\n`;
const exchange = (number: number): Message[] => [
  { id: `q${number}`, role: "user", content: `q${number}?`, answer: null, created_at: "2026-03-04T12:00:00Z" },
  {
    id: `a${number}`,
    role: "assistant",
    content: `a${number}.`,
    answer: answerOf(`a${number}`),
    created_at: "2026-03-04T12:00:01Z",
  },
];

let conversation = "";
let number = 0;

function open() {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(() => ({ ...useTurns(conversation), ask: useAsk(conversation) }), { wrapper });
  return result;
}
const questions = (turns: readonly Turn[]) => turns.map((turn) => [turn.question, turn.phase]);
const comeBack = () =>
  act(() => {
    focusManager.setFocused(false);
    focusManager.setFocused(true);
  });

beforeEach(() => {
  conversation = `c${String(++number)}`;
  Object.assign(server, { messages: exchange(1), asked: [], held: null, answer: event("a2") });
  vi.mocked(say).mockReset();
});

describe("a conversation", () => {
  it("shows a question that was asked while the list was on its way", async () => {
    server.held = [];
    const page = open();
    await waitFor(() => expect(server.held).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    await waitFor(() => expect(page.current.turns[0]?.phase).toBe("done"));
    act(() => server.held?.forEach((give) => give()));
    await waitFor(() =>
      expect(questions(page.current.turns)).toEqual([
        ["q1?", "done"],
        ["q2?", "done"],
      ]),
    );
  });

  it("shows each turn once when its list is read anew, in its place and with the id that it had", async () => {
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    await waitFor(() => expect(page.current.turns[1]?.phase).toBe("done"));
    const id = page.current.turns[1]?.id;
    server.messages = [...exchange(1), ...exchange(2), ...exchange(3)];
    comeBack();
    await waitFor(() => expect(page.current.turns).toHaveLength(3));
    expect(questions(page.current.turns).map(([question]) => question)).toEqual(["q1?", "q2?", "q3?"]);
    expect(page.current.turns[1]?.id).toBe(id);
  });

  it("leaves out what was asked here and replaced elsewhere", async () => {
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    await waitFor(() => expect(page.current.turns[1]?.phase).toBe("done"));
    server.messages = [...exchange(1), ...exchange(5)];
    comeBack();
    await waitFor(() => expect(page.current.turns.at(-1)?.question).toBe("q5?"));
    expect(page.current.turns).toHaveLength(2);
  });

  it("is not asked anew over what was never shown", async () => {
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    server.messages = [...exchange(1), ...exchange(3)];
    const again = (turn = page.current.turns[0] as Turn) =>
      page.current.ask("q1, really?", overFrom(page.current.turns, turn));
    await act(async () => expect(await again()).toBe(false));
    expect(server.asked).toEqual([]);
    expect(vi.mocked(say).mock.calls[0]?.[0]).toContain("ask again");
    await waitFor(() => expect(page.current.turns).toHaveLength(2));

    await act(async () => expect(await again()).toBe(true));
    await waitFor(() => expect(server.asked).toHaveLength(1));
    expect(server.asked[0]).toMatchObject({ replaces: "a1" });
  });

  it("is loaded again where the server says that it went on", async () => {
    server.answer = 409;
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    await waitFor(() => expect(page.current.turns.at(-1)?.phase).toBe("failed"));
    server.messages = [...exchange(1), ...exchange(3)];
    await act(async () => {
      await page.current.refetch();
      dropGivenUp(conversation);
    });
    expect(questions(page.current.turns).map(([question]) => question)).toEqual(["q1?", "q3?"]);
  });

  it.each(["stopped", "failed"])("shows a question once that %s as its answer was kept", async (phase) => {
    server.answer = phase === "stopped" ? null : ": nothing comes\n\n";
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    if (phase === "stopped") act(() => stop(conversation));
    await waitFor(() => expect(page.current.turns[1]?.phase).toBe(phase));
    const id = page.current.turns[1]?.id;
    server.messages = [...exchange(1), ...exchange(2)];
    comeBack();
    await waitFor(() => expect(page.current.turns[1]?.phase).toBe("done"));
    expect(questions(page.current.turns)).toEqual([
      ["q1?", "done"],
      ["q2?", "done"],
    ]);
    expect(page.current.turns[1]?.id).toBe(id);
  });

  it("still shows a stopped question of which only an older answer is there", async () => {
    server.answer = null;
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    await act(() => page.current.ask("q1?"));
    act(() => stop(conversation));
    await waitFor(() => expect(page.current.turns[1]?.phase).toBe("stopped"));
    server.messages = [...exchange(1), ...exchange(3)];
    comeBack();
    await waitFor(() => expect(page.current.turns).toHaveLength(3));
    expect(questions(page.current.turns)).toEqual([
      ["q1?", "done"],
      ["q3?", "done"],
      ["q1?", "stopped"],
    ]);
  });

  it("does not take a question for asked while another answer arrives", async () => {
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    Object.assign(server, { answer: null, held: [] });
    const over = overFrom(page.current.turns, page.current.turns[0] as Turn);
    let asked = Promise.resolve(true);
    act(() => void (asked = page.current.ask("q1, really?", over)));
    await waitFor(() => expect(server.held).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    act(() => server.held?.forEach((give) => give()));
    await act(async () => expect(await asked).toBe(false));
    expect(vi.mocked(say).mock.calls[0]?.[0]).toContain("Another answer is arriving");
    act(() => stop(conversation));
    await waitFor(() => expect(page.current.turns[1]?.phase).toBe("stopped"));
  });

  it("keeps the question where the session is over", async () => {
    server.answer = 401;
    const page = open();
    await waitFor(() => expect(page.current.turns).toHaveLength(1));
    await act(() => page.current.ask("q2?"));
    await waitFor(() => expect(readDraft(conversation)).toBe("q2?"));
  });
});
