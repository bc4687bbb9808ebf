import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { copyText } from "./copy";
import { say } from "./toasts";

vi.mock("./toasts", () => ({ say: vi.fn() }));

const selected = vi.fn<() => boolean>();
let taken: string | undefined;

beforeEach(() => {
  vi.stubGlobal("isSecureContext", false);
  taken = undefined;
  selected.mockImplementation(() => {
    taken = (document.activeElement as HTMLTextAreaElement).value;
    return true;
  });
  Object.assign(document, { execCommand: selected });
  vi.mocked(say).mockReset();
});
afterEach(() => vi.unstubAllGlobals());

it("copies over plain http, and gives the focus back", async () => {
  const button = document.body.appendChild(document.createElement("button"));
  button.focus();
  expect(await copyText("An answer.\n[1] A source")).toBe(true);
  expect(taken).toBe("An answer.\n[1] A source");
  expect(document.activeElement).toBe(button);
  expect(document.querySelector("textarea")).toBeNull();
  button.remove();
});

it("stays inside of an open dialog", async () => {
  const dialog = document.body.appendChild(document.createElement("div"));
  dialog.setAttribute("role", "dialog");
  const button = dialog.appendChild(document.createElement("button"));
  button.focus();
  selected.mockImplementation(() => dialog.contains(document.activeElement));
  expect(await copyText("https://example.com")).toBe(true);
  dialog.remove();
});

it("says what to do where nothing copies", async () => {
  selected.mockReturnValue(false);
  expect(await copyText("x")).toBe(false);
  expect(vi.mocked(say).mock.calls[0]?.[0]).toContain("Select the text");
});
