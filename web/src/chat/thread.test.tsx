import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer, Message } from "@/api/types";
import { forgetDrafts } from "./drafts";
import { Thread } from "./thread";

/** A server that gives its first list when the test says so, and answers every question with a conflict. */
const server = vi.hoisted(() => {
  const state = { lists: 0, messages: [] as unknown[], give: () => undefined as unknown };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    if (request.url.endsWith("/ask"))
      return Response.json(
        { title: "Conflict", status: 409, detail: "Load it again.", code: "conflict" },
        { status: 409 },
      );
    if (!request.url.endsWith("/messages")) return Response.json({ items: [], next_cursor: null });
    if (++state.lists === 1) await new Promise((resolve) => (state.give = () => resolve(null)));
    return Response.json({ items: state.messages });
  });
  return state;
});

const answer = (id: string) =>
  ({ id, text: "Yes.", sentences: [], sources: [], conflicts: [], outcome: "answered" }) as unknown as Answer;
const exchange = (number: number): Message[] => [
  { id: `q${number}`, role: "user", content: `q${number}?`, answer: null, created_at: "2026-03-04T12:00:00Z" },
  {
    id: `a${number}`,
    role: "assistant",
    content: "Yes.",
    answer: answer(`a${number}`),
    created_at: "2026-03-04T12:00:01Z",
  },
];

let number = 0;

function open(id = `c${String(++number)}`) {
  return render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MemoryRouter>
        <Thread id={id} />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const field = () => screen.getByRole("textbox", { name: "Question" });
const ready = () => waitFor(() => expect(screen.getByTestId("send").getAttribute("aria-disabled")).toBe("false"));

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  Element.prototype.scrollIntoView = () => undefined;
  Object.assign(server, { lists: 0, messages: [] });
  forgetDrafts();
});

describe("a conversation that went on elsewhere", () => {
  it("is loaded again, and waits with a question for the messages", async () => {
    open();
    await userEvent.type(field(), "Who?{Enter}");
    expect(field()).toHaveProperty("value", "Who?");
    server.give();
    await ready();
    await userEvent.type(field(), "{Enter}");
    await userEvent.click(await screen.findByRole("button", { name: "Load again" }));
    await waitFor(() => expect(field()).toHaveProperty("value", "Who?"));
    expect(screen.queryByTestId("error")).toBeNull();
    expect(server.lists).toBe(2);
  });

  it("puts a question back before what was typed since", async () => {
    open();
    await userEvent.type(field(), "Who?");
    server.give();
    await ready();
    await userEvent.type(field(), "{Enter}");
    const again = await screen.findByRole("button", { name: "Load again" });
    await userEvent.type(field(), "And when?");
    await userEvent.click(again);
    await waitFor(() => expect(field()).toHaveProperty("value", "Who?\nAnd when?"));
  });

  it("puts an edited question back before what was typed below", async () => {
    server.messages = exchange(1);
    open();
    await userEvent.type(field(), "And when?");
    server.give();
    await userEvent.click(await screen.findByTestId("edit"));
    server.messages = [...exchange(1), ...exchange(2)];
    await userEvent.type(screen.getByRole("textbox", { name: "Edit question" }), " Really?{Enter}");
    await waitFor(() => expect(field()).toHaveProperty("value", "q1? Really?\nAnd when?"));
    expect(await screen.findByText("q2?")).toBeTruthy();
  });
});

describe("the draft of an edited question", () => {
  const editing = () => screen.queryByRole("textbox", { name: "Edit question" });
  const unanswered = exchange(1).slice(0, 1);

  beforeEach(() => {
    Object.assign(server, { lists: 1, messages: unanswered });
  });

  it("is kept in its own conversation, and not for the same words in another", async () => {
    const { unmount } = open("edited");
    await userEvent.click(await screen.findByTestId("edit"));
    await userEvent.keyboard(" Really?");
    unmount();
    const other = open("other");
    await screen.findByTestId("edit");
    expect(editing()).toBeNull();
    other.unmount();
    open("edited");
    await waitFor(() => expect(editing()).toHaveProperty("value", "q1? Really?"));
  });

  it("is not that of the same words asked again in its conversation", async () => {
    server.messages = [...unanswered, { ...unanswered[0], id: "q2" }];
    const { unmount } = open();
    const [first] = await screen.findAllByTestId("edit");
    await userEvent.click(first as HTMLElement);
    await userEvent.keyboard(" Really?");
    unmount();
    open(`c${String(number)}`);
    await waitFor(() => expect(editing()).not.toBeNull());
    expect(screen.getAllByTestId("edit")).toHaveLength(1);
  });

  it("stays with the question when its answer arrives", async () => {
    const { unmount } = open();
    await userEvent.click(await screen.findByTestId("edit"));
    await userEvent.keyboard(" Really?");
    unmount();
    server.messages = exchange(1);
    open(`c${String(number)}`);
    await screen.findByText("Yes.");
    expect(editing()).toHaveProperty("value", "q1? Really?");
  });
});
