import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import { MemoryRouter, Route, Routes } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import DocumentPage from "./document-page";

/** A server with one document. The client takes `fetch` when it is loaded: so this comes first. */
const server = vi.hoisted(() => {
  const held = { document: {} as Record<string, unknown> | null, text: "", version: 1 };
  const missing = { title: "Not found", status: 404, detail: "No such document.", code: "not_found" };
  vi.stubGlobal("fetch", (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    if (held.document === null) return Promise.resolve(Response.json(missing, { status: 404 }));
    if (!pathname.endsWith("/text")) return Promise.resolve(Response.json(held.document));
    const version = Number(searchParams.get("version") ?? held.version);
    return Promise.resolve(Response.json({ version, title: "Plan", text: held.text, pages: [] }));
  });
  return held;
});

vi.mock("@/shell/session", () => ({ useSignedIn: () => ({ grants: ["everyone"], groups: [] }) }));

const PLAN = {
  id: "d1",
  title: "Plan",
  media_type: "text/plain",
  data_source: "upload",
  url: null,
  version: 1,
  state: "ready",
  ready_at: "2026-01-01T00:00:00Z",
  next_attempt_at: null,
  grants: ["everyone"],
  left_out: [],
  hidden_chars: 0,
  can_edit: false,
};

let queries: QueryClient;

function open(search = "") {
  queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <MemoryRouter initialEntries={[`/documents/d1${search}`]}>
        <Routes>
          <Route path="/documents/:documentId" element={<DocumentPage />} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

beforeEach(() => {
  Object.assign(server, { document: PLAN, text: "The first plan.", version: 1 });
});

describe("a document's page", () => {
  it.each(["queued", "running"])("shows the text that readers have while an update is %s", async (state) => {
    server.document = { ...PLAN, state };
    open();
    await screen.findByText("The first plan.");
    expect(screen.queryByTestId("original")).not.toBeNull();
  });

  it("has no text and no original before a version is ready", async () => {
    server.document = { ...PLAN, state: "queued", ready_at: null };
    open();
    await screen.findByText("This document is being read");
    expect(screen.queryByTestId("original")).toBeNull();
    expect(screen.queryByTestId("document-menu")).toBeNull();
  });

  it("shows nothing of a document that one may no longer read", async () => {
    open();
    await screen.findByText("The first plan.");
    server.document = null;
    await queries.invalidateQueries({ queryKey: ["documents"] });
    await screen.findByText(/you may not read it/);
    expect(screen.queryByText("The first plan.")).toBeNull();
    expect(screen.queryByText("Plan")).toBeNull();
  });

  it("shows the new text when a new version is ready", async () => {
    open();
    await screen.findByText("The first plan.");
    Object.assign(server, { document: { ...PLAN, version: 2 }, text: "The second plan.", version: 2 });
    await queries.invalidateQueries({ queryKey: ["documents"] });
    await screen.findByText("The second plan.");
  });

  it.each([
    ["?version=1", "This is version 1"],
    ["?version=1&start=0", "This is version 1, which the answer cited"],
  ])("says of %s what it is", async (search, words) => {
    server.document = { ...PLAN, version: 2 };
    open(search);
    await waitFor(() => screen.getByText(words));
  });
});
