import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Composer } from "./composer";

const onSubmit = vi.fn();

beforeEach(() => {
  onSubmit.mockReset();
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
});

describe("Enter in the question field", () => {
  beforeEach(() => void render(<Composer value="質問" onChange={() => undefined} onSubmit={onSubmit} />));

  it("sends", () => {
    fireEvent.keyDown(screen.getByTestId("question"), { key: "Enter", keyCode: 13 });
    expect(onSubmit.mock.calls).toEqual([["質問"]]);
  });

  it.each([
    ["while characters are composed", { isComposing: true, keyCode: 229 }],
    ["that ends a composition in Safari", { isComposing: false, keyCode: 229 }],
  ])("does not send %s", (_, event) => {
    fireEvent.keyDown(screen.getByTestId("question"), { key: "Enter", ...event });
    expect(onSubmit).not.toHaveBeenCalled();
  });
});

describe("the button beside the question field", () => {
  const field = (onStop?: () => void, value = "") => (
    <Composer value={value} onChange={() => undefined} onSubmit={onSubmit} onStop={onStop} />
  );

  it("keeps the focus as an answer begins and ends", async () => {
    const { rerender } = render(field(undefined, "Who?"));
    screen.getByRole("button", { name: "Send" }).focus();
    rerender(field(vi.fn()));
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Stop" }));
    rerender(field());
    const send = screen.getByRole("button", { name: "Send" });
    expect(document.activeElement).toBe(send);
    expect(send).toHaveProperty("disabled", false);
    await userEvent.click(send);
    expect(onSubmit).not.toHaveBeenCalled();
  });
});
