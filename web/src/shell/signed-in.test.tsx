import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { expect, it, vi } from "vitest";
import { claimDrafts, forgetDrafts, keepDraft, readDraft } from "@/chat/drafts";
import { loadAgain, loadAt } from "./navigation";
import { leaveSession, SignedIn, useSignedIn, watchSession } from "./session";

vi.mock("./navigation", () => ({ loadAgain: vi.fn(), loadAt: vi.fn() }));

/** A server with one session, which changes hands. The client takes `fetch` when it is loaded: so this comes first. */
const server = vi.hoisted(() => {
  const state = { person: "u1" };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    await Promise.resolve();
    if (request.method === "DELETE") return new Response(null, { status: 204 });
    return Response.json({ id: state.person, email: `${state.person}@example.com`, groups: [] });
  });
  return state;
});

function Whose() {
  return <p>{useSignedIn().id}</p>;
}

it("tells the other tabs who came by a sign-in that was elsewhere", async () => {
  const other = new BroadcastChannel("footnote");
  const heard = new Promise((resolve) => other.addEventListener("message", resolve));
  const { unmount } = render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <SignedIn>
          <Whose />
        </SignedIn>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await heard;
  other.close();
  unmount();
});

it.each([
  ["keeps", "u1", "What u1 typed"],
  ["forgets", "u2", ""],
])("%s what u1 typed before the page was loaded afresh, where %s signs in", async (_what, person, left) => {
  claimDrafts("u1");
  keepDraft("c1", "What u1 typed");
  server.person = person;
  vi.resetModules();
  const [session, drafts] = await Promise.all([import("./session"), import("@/chat/drafts")]);
  const { unmount } = render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <session.SignedIn>
          <p>In</p>
        </session.SignedIn>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await screen.findByText("In");
  expect(drafts.readDraft("c1")).toBe(left);
  unmount();
  server.person = "u1";
  forgetDrafts();
});

it("loads the page afresh, and shows nothing of it, where another tab signed somebody else in", async () => {
  const queries = new QueryClient();
  watchSession(queries);
  render(
    <QueryClientProvider client={queries}>
      <MemoryRouter>
        <SignedIn>
          <Whose />
        </SignedIn>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await screen.findByText("u1");
  keepDraft("new.u1", "What u1 typed");
  server.person = "u2";
  const other = new BroadcastChannel("footnote");
  act(() => other.postMessage("session"));
  await waitFor(() => expect(loadAgain).toHaveBeenCalled());
  expect(screen.queryByText("u1")).toBeNull();
  expect(screen.queryByText("u2")).toBeNull();
  expect(readDraft("new.u1")).toBe("");
  other.close();
});

it("tells the other tabs that the session is over", async () => {
  const other = new BroadcastChannel("footnote");
  const heard = new Promise((resolve) => other.addEventListener("message", resolve));
  await leaveSession();
  await heard;
  expect(loadAt).toHaveBeenCalledWith("/sign-in");
  other.close();
});
