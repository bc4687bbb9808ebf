import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import type { Answer } from "@/api/types";
import { AnswerActions } from "./answer-actions";

/** A server that takes ratings until it is told to fail. The client takes `fetch` when it is loaded: so this comes first. */
const server = vi.hoisted(() => {
  const state = { fails: false };
  vi.stubGlobal("fetch", async (): Promise<Response> => {
    await Promise.resolve();
    if (state.fails) return Response.json({ title: "Down", status: 503, code: "unavailable" }, { status: 503 });
    return new Response(null, { status: 204 });
  });
  return state;
});

function show() {
  const answer = { id: "a1", text: "Yes.", sentences: [], sources: [], outcome: "refused" } as unknown as Answer;
  render(
    <QueryClientProvider client={new QueryClient()}>
      <AnswerActions answer={answer} onAgain={undefined} />
    </QueryClientProvider>,
  );
  fireEvent.click(down());
  fireEvent.change(field(), { target: { value: "Out of date" } });
}
const up = () => screen.getByTestId("feedback-up");
const down = () => screen.getByTestId("feedback-down");
const field = () => screen.getByLabelText("What was wrong? (optional)");
const send = () => screen.getByText("Send");
const sent = () => waitFor(() => expect(send().getAttribute("aria-busy")).toBeNull());

it("keeps the comment and the rating before it where the server does not take them", async () => {
  show();
  await sent();
  server.fails = true;
  fireEvent.click(send());
  await sent();
  expect(field()).toHaveProperty("value", "Out of date");
  expect(down().getAttribute("aria-pressed")).toBe("true");

  fireEvent.click(up());
  expect(up().getAttribute("aria-pressed")).toBe("true");
  await waitFor(() => expect(down().getAttribute("aria-pressed")).toBe("true"));
  expect(up().getAttribute("aria-pressed")).toBe("false");
});

it("closes the comment once the server has it, and the focus goes back to what opened it", async () => {
  server.fails = false;
  show();
  await sent();
  send().focus();
  fireEvent.click(send());
  await waitFor(() => expect(screen.queryByText("Send")).toBeNull());
  expect(document.activeElement).toBe(down());
});
