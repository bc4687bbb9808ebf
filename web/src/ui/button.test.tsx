import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { Button } from "./button";

it("keeps the focus while it is busy, and does nothing then", async () => {
  const onClick = vi.fn();
  const onSubmit = vi.fn((event: Event) => event.preventDefault());
  const form = (busy: boolean) => (
    <form onSubmit={({ nativeEvent }) => onSubmit(nativeEvent)}>
      <input aria-label="Name" />
      <Button type="submit" busy={busy} onClick={onClick}>
        Save
      </Button>
    </form>
  );
  const { rerender } = render(form(false));
  await userEvent.click(screen.getByText("Save"));
  expect([onClick.mock.calls.length, onSubmit.mock.calls.length]).toEqual([1, 1]);
  rerender(form(true));
  expect(document.activeElement).toBe(screen.getByText("Save"));
  expect(screen.getByText("Save")).toHaveProperty("disabled", false);
  await userEvent.click(screen.getByText("Save"));
  await userEvent.type(screen.getByLabelText("Name"), "Ana{Enter}");
  expect([onClick.mock.calls.length, onSubmit.mock.calls.length]).toEqual([1, 1]);
});
