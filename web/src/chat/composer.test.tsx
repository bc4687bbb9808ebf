import { fireEvent, render, screen } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Composer } from "./composer";

const onSubmit = vi.fn();

beforeEach(() => {
  onSubmit.mockReset();
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  render(<Composer value="質問" onChange={() => undefined} onSubmit={onSubmit} />);
});

describe("Enter in the question field", () => {
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
