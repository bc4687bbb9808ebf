import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetDrafts, readDraft } from "./drafts";
import { NewQuestion } from "./new-question";

/** A server that starts a conversation when the test says so. The client takes `fetch` when it is loaded. */
const server = vi.hoisted(() => {
  const state = { give: () => undefined as unknown };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    if (request.url.endsWith("/ask")) return new Response(null, { status: 503 });
    if (request.method !== "POST") return Response.json({ items: [{}], next_cursor: null });
    await new Promise((resolve) => (state.give = () => resolve(null)));
    return Response.json({ id: "c1", title: "" }, { status: 201 });
  });
  return state;
});

vi.mock("@/shell/session", async (original) => ({
  ...(await original<object>()),
  useSignedIn: () => ({ id: "u1", name: "Ana", has_password: true }),
}));

function open() {
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <NewQuestion />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

const field = () => screen.getByTestId("question");
const draft = () => readDraft("new.u1");

describe("a question that was asked", () => {
  beforeEach(forgetDrafts);

  it("leaves no draft, also where its writer leaves the page at once", async () => {
    const { unmount } = open();
    await userEvent.type(field(), "Who signs?{Enter}");
    unmount();
    expect(draft()).toBe("Who signs?");
    act(() => void server.give());
    await waitFor(() => expect(draft()).toBe(""));
  });

  it("takes nothing with it that was typed on while it was sent", async () => {
    open();
    await userEvent.type(field(), "Who signs?{Enter}");
    await userEvent.type(field(), " And when?");
    act(() => void server.give());
    await waitFor(() => expect(screen.getByTestId("composer").querySelector("[aria-disabled=false]")).not.toBeNull());
    expect(draft()).toBe("Who signs? And when?");
  });
});
