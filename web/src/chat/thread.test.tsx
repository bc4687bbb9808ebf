import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { expect, it, vi } from "vitest";
import { Thread } from "./thread";

/** A server that gives the messages when the test says so, and answers every question with a conflict. */
const server = vi.hoisted(() => {
  const state: { lists: number; give: () => void } = { lists: 0, give: () => undefined };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    if (request.url.endsWith("/ask"))
      return Response.json(
        { title: "Conflict", status: 409, detail: "Load it again.", code: "conflict" },
        { status: 409 },
      );
    if (request.url.endsWith("/messages") && ++state.lists === 1)
      await new Promise<void>((resolve) => (state.give = resolve));
    return Response.json({ items: [], next_cursor: null });
  });
  return state;
});

it("waits with a question for the messages, and is loaded again where it went on elsewhere", async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  Element.prototype.scrollIntoView = () => undefined;
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MemoryRouter>
        <Thread id="c1" />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  const field = screen.getByTestId("question");
  await userEvent.type(field, "Who?{Enter}");
  expect(field).toHaveProperty("value", "Who?");
  server.give();
  await waitFor(() => expect(screen.getByTestId("send")).toHaveProperty("disabled", false));
  await userEvent.type(field, "{Enter}");
  await userEvent.click(await screen.findByRole("button", { name: "Load again" }));
  await waitFor(() => expect(field).toHaveProperty("value", "Who?"));
  expect(screen.queryByTestId("error")).toBeNull();
  expect(server.lists).toBe(2);
});
