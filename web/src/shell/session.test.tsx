import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { loadAt } from "./navigation";
import { useEnterSession, useMe } from "./session";

vi.mock("./navigation", () => ({ loadAgain: vi.fn(), loadAt: vi.fn() }));

/** A server that takes its time to say that nobody is signed in. The client takes `fetch` when it is loaded. */
const server = vi.hoisted(() => {
  const waiting: (() => void)[] = [];
  vi.stubGlobal("fetch", async (): Promise<Response> => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return Response.json({ title: "Not signed in", status: 401, code: "unauthenticated" }, { status: 401 });
  });
  return { answer: () => waiting.splice(0).forEach((resolve) => resolve()) };
});

function Door() {
  const { data: me } = useMe();
  const enter = useEnterSession();
  const ana = { id: "u1", email: "ana@example.com", name: "Ana", is_admin: false, has_password: true, groups: [] };
  return (
    <button onClick={() => void enter({ ...ana, grants: [], scopes: [], signs_in_elsewhere: false }, "/c/c1")}>
      {me ? me.email : "nobody"}
    </button>
  );
}

it("stays signed in when the server says late that nobody was", async () => {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <Door />
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByText("nobody"));
  await screen.findByText("ana@example.com");
  server.answer();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(screen.queryByText("ana@example.com")).not.toBeNull();
});

it("comes back to where the session ended, with nothing left of what the window held", async () => {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  queries.setQueryData(["conversations"], []);
  render(
    <QueryClientProvider client={queries}>
      <Door />
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByText("nobody"));
  await vi.waitFor(() => expect(vi.mocked(loadAt).mock.calls).toEqual([["/c/c1"]]));
});
