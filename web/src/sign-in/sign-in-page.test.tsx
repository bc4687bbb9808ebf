import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter, Route, Routes } from "react-router";
import { describe, expect, it, vi } from "vitest";
import { SignInPage } from "./sign-in-page";

/** A server that knows one token and one password. The client takes `fetch` when it is loaded: so this comes first. */
const { ME, server } = vi.hoisted(() => {
  const server = { busy: false };
  const me = { id: "u1", email: "ana@example.com", name: "Ana", is_admin: false, has_password: true };
  vi.stubGlobal("fetch", async (request: Request): Promise<Response> => {
    const problem = { title: "Not signed in", status: 401, detail: "No.", code: "unauthenticated" };
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
  const { pathname, hash } = window.location;
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MemoryRouter initialEntries={[{ pathname, hash, state }]}>
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
