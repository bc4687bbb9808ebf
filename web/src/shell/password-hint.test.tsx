import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { AccountMenu } from "./account-menu";
import { PasswordHint } from "./password-hint";

const me = vi.hoisted(() => ({
  id: "u1",
  email: "ana@example.com",
  name: "Ana",
  has_password: false,
  elsewhere: false,
}));

vi.mock("./session", async (original) => ({
  ...(await original<object>()),
  useSignedIn: () => ({ ...me, signs_in_elsewhere: me.elsewhere }),
}));

async function open() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <PasswordHint />
      <AccountMenu />
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByTestId("account-menu"));
  await screen.findByText("Sign out");
  return screen.queryAllByText("Set a password");
}

it("offers a password in the hint and in the menu", async () => {
  expect(await open()).toHaveLength(2);
});

it("offers none to whom a sign-in provider knows", async () => {
  me.elsewhere = true;
  expect(await open()).toHaveLength(0);
});
