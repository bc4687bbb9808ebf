import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter, Route, Routes } from "react-router";
import { expect, it, vi } from "vitest";
import { NotFound } from "./not-found";
import { Shell } from "./shell";

vi.hoisted(() => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: [], next_cursor: null })));
});

vi.mock("./session", async (original) => ({
  ...(await original<object>()),
  useSignedIn: () => ({ id: "u1", email: "ana@example.com", name: "Ana", is_admin: false }),
}));

it("has a button that closes the menu of a narrow screen", async () => {
  vi.stubGlobal("scrollTo", vi.fn());
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <Routes>
          <Route element={<Shell />}>
            <Route path="*" element={<NotFound />} />
          </Route>
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByRole("button", { name: "Open menu" }));
  await screen.findByRole("dialog", { name: "Menu" });
  await userEvent.click(screen.getByRole("button", { name: "Close menu" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("button", { name: "Open menu" })));
});
