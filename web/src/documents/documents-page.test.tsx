import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { say } from "@/ui/toasts";
import DocumentsPage from "./documents-page";

vi.mock("@/ui/toasts", () => ({ say: vi.fn(), sayError: vi.fn() }));
vi.mock("@/shell/session", () => ({ useSignedIn: () => ({ scopes: [], grants: [], groups: [] }) }));

/** A server with documents. The client takes `fetch` when it is loaded: so this comes first. */
const server = vi.hoisted(() => {
  const state = { documents: [] as { id: string; title: string }[], looks: 0 };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "DELETE") {
      state.documents = state.documents.filter(({ id }) => !pathname.endsWith(id));
      return new Response(null, { status: 204 });
    }
    if (pathname !== "/v1/documents") return Response.json({ waiting: 0, running: 0, remaining_s: null });
    // Looks at what is under way take their time.
    if (searchParams.has("id") && ++state.looks > 1) await new Promise(() => undefined);
    const found = state.documents.filter(({ title }) => title.includes(searchParams.get("q") ?? ""));
    return Response.json({ items: found, next_cursor: null });
  });
  return state;
});

const document_ = (id: string, state: string) => ({
  id,
  title: `Plan ${id}`,
  external_id: id,
  media_type: "text/plain",
  data_source: "upload",
  state,
  stage: null,
  progress: null,
  reason: null,
  next_attempt_at: null,
  modified_at: null,
  ready_at: null,
  grants: ["everyone"],
  can_edit: true,
});

function open(search = "") {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter initialEntries={[`/documents${search}`]}>
        <DocumentsPage />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

beforeEach(() => {
  Object.assign(server, { documents: [document_("d1", "ready"), document_("d2", "running")], looks: 0 });
});

describe("the list of documents", () => {
  it.each([
    ["", ""],
    ["?q=d1", "1 document fits"],
    ["?q=none", "Nothing fits"],
  ])("says to the ear how many a search found: %s: %s", async (search, words) => {
    open(search);
    const list = within(await screen.findByRole("region", { name: "Documents" }));
    expect(list.getByRole("status").textContent).toBe(words);
  });

  it("says that a document is deleted while others are still looked at, and keeps the focus", async () => {
    open();
    await userEvent.click(await screen.findByRole("button", { name: "More about “Plan d1”" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Delete" }));
    await userEvent.click(await screen.findByTestId("confirm"));
    await waitFor(() => expect(screen.queryByText("Plan d1")).toBeNull());
    await waitFor(() => expect(vi.mocked(say).mock.calls).toEqual([["“Plan d1” is deleted"]]));
    expect(document.activeElement).toBe(screen.getByRole("region", { name: "Documents" }));
  });
});
