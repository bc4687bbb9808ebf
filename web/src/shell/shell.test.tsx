import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { lazy } from "react";
import { MemoryRouter, Route, Routes } from "react-router";
import { beforeEach, expect, it, vi } from "vitest";
import { NotFound } from "./not-found";
import { Page } from "./page";
import { Shell } from "./shell";

vi.hoisted(() => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: [], next_cursor: null })));
});

vi.mock("./session", async (original) => ({
  ...(await original<object>()),
  useSignedIn: () => ({ id: "u1", email: "ana@example.com", name: "Ana", is_admin: false }),
}));

const show = () =>
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <Routes>
          <Route element={<Shell />}>
            <Route path="/documents" element={<Documents />} />
            <Route path="*" element={<NotFound />} />
          </Route>
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );

const Documents = lazy(() => Promise.resolve({ default: () => <Page title="Documents">None.</Page> }));

beforeEach(() => vi.stubGlobal("scrollTo", vi.fn()));

it("tells screen readers which page a link led to, but not the one that was opened first", async () => {
  show();
  const arrival = screen.getByTestId("arrival");
  expect(arrival.getAttribute("role")).toBe("status");
  expect(arrival.textContent).toBe("");
  const said: string[] = [];
  new MutationObserver(() => said.push(arrival.textContent)).observe(arrival, { childList: true, subtree: true });
  await userEvent.click(screen.getByRole("link", { name: "Documents" }));
  await waitFor(() => expect(arrival.textContent).toBe("Documents"));
  expect(document.activeElement).toBe(screen.getByRole("link", { name: "Documents" }));
  await userEvent.click(screen.getByRole("link", { name: "New question" }));
  await waitFor(() => expect(arrival.textContent).toBe("Not found"));
  expect(said).toEqual(["Documents", "Not found"]);
});

it("has a button that closes the menu of a narrow screen", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "Open menu" }));
  await screen.findByRole("dialog", { name: "Menu" });
  await userEvent.click(screen.getByRole("button", { name: "Close menu" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("button", { name: "Open menu" })));
});
