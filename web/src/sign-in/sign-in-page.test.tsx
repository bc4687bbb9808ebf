import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter, Route, Routes } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SignInPage } from "./sign-in-page";

/** A server that knows one token and one password. The client takes `fetch` when it is loaded: so this comes first. */
const { ME, server } = vi.hoisted(() => {
  const server = { busy: false, methods: { local: true, oidc: null as string | null } };
  const me = { id: "u1", email: "ana@example.com", name: "Ana", is_admin: false, has_password: true };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    const problem = { title: "Not signed in", status: 401, detail: "No.", code: "unauthenticated" };
    if (request.url.endsWith("/v1/sessions/methods")) return Response.json(server.methods);
    if (request.method !== "POST") return Response.json(problem, { status: 401 });
    const { token, password } = (await request.json()) as { token?: string; password?: string };
    if (server.busy) return Response.json({ title: "Busy", status: 429, code: "overloaded" }, { status: 429 });
    if (token === "good" || password === "correct") return Response.json(me, { status: 201 });
    return Response.json(problem, { status: 401 });
  });
  return { ME: me, server };
});

function open(address: string, state?: { from: string }) {
  // The page takes the token out of the window's own address.
  window.history.replaceState(null, "", address);
  const { pathname, hash, search } = window.location;
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MemoryRouter initialEntries={[{ pathname, hash, search, state }]}>
        <Routes>
          <Route path="/sign-in" element={<SignInPage />} />
          <Route path="/" element={<p>Signed in</p>} />
          <Route path="/documents" element={<p>Documents</p>} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

async function signIn(password: string) {
  await userEvent.type(await screen.findByLabelText("E-mail address"), ME.email);
  await userEvent.type(screen.getByLabelText("Password"), password);
  await userEvent.click(screen.getByTestId("sign-in-submit"));
}

beforeEach(() => {
  server.methods = { local: true, oidc: null };
});

describe("the sign-in page", () => {
  it("signs in with the token of a link", async () => {
    open("/sign-in#token=good");
    await screen.findByText("Signed in");
  });

  it("says that a link no longer works, and still takes the password", async () => {
    open("/sign-in#token=used");
    expect((await screen.findByTestId("error")).textContent).toContain("no longer works");
    await signIn("correct");
    await screen.findByText("Signed in");
  });

  it("tries a link again that the server had no time for", async () => {
    server.busy = true;
    open("/sign-in#token=good");
    expect((await screen.findByTestId("error")).textContent).not.toContain("no longer works");
    server.busy = false;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByText("Signed in");
  });

  it("goes on where the session had ended", async () => {
    open("/sign-in", { from: "/documents?q=leave" });
    await signIn("correct");
    await screen.findByText("Documents");
  });

  it("does not say which of the two was wrong", async () => {
    open("/sign-in");
    await signIn("wrong");
    expect((await screen.findByTestId("error")).textContent).toBe("The e-mail address or the password is not right.");
  });
});

describe("signing in at a provider", () => {
  const link = () => screen.findByRole("link", { name: "Sign in with Acme" });

  it("comes first, and goes on where the session had ended", async () => {
    server.methods = { local: true, oidc: "Acme" };
    open("/sign-in", { from: "/documents?q=a b&x=1" });
    const first = await link();
    expect(first.getAttribute("href")).toBe("/v1/sessions/oidc?next=%2Fdocuments%3Fq%3Da%20b%26x%3D1");
    const password = screen.getByLabelText("Password");
    expect(first.compareDocumentPosition(password)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
    await signIn("correct");
    await screen.findByText("Documents");
  });

  it("is all there is where passwords are off", async () => {
    server.methods = { local: false, oidc: "Acme" };
    open("/sign-in");
    await link();
    expect(screen.queryByLabelText("Password")).toBeNull();
  });

  it("is not offered where there is none", async () => {
    open("/sign-in");
    await screen.findByLabelText("Password");
    expect(screen.queryByTestId("sign-in-oidc")).toBeNull();
  });

  it.each([
    ["oidc_cancelled", "cancelled"],
    ["oidc_email_taken", "already"],
    ["oidc_unavailable", "does not answer"],
    ["oidc_email_unverified", "or ask your administrator"],
    ["<b>made-up</b>", "did not work"],
    ["constructor", "did not work"],
  ])("says what %s means, and offers to try again", async (code, words) => {
    server.methods = { local: true, oidc: "Acme" };
    open(`/sign-in?error=${encodeURIComponent(code)}`);
    const said = await screen.findByRole("alert");
    expect(said.textContent).toContain(words);
    expect(said.textContent).not.toContain("made-up");
    await link();
  });
});
