import { expect, it, vi } from "vitest";
import { smoothly } from "./motion";

it.each([
  [true, "auto"],
  [false, "smooth"],
])("where less motion is wished is %s, the page moves: %s", (matches, behavior) => {
  vi.stubGlobal("matchMedia", () => ({ matches }));
  expect(smoothly()).toBe(behavior);
});
