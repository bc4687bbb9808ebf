import { render, screen } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Crash } from "./crash";
import { loadAgain } from "./navigation";
import { watchUpgrades } from "./upgrades";

vi.mock("./navigation", () => ({ loadAgain: vi.fn(), loadAt: vi.fn() }));

function Page({ broken }: { broken: boolean }) {
  if (broken) throw new Error("A fault of ours");
  return <p>A page</p>;
}

describe("a page that breaks", () => {
  it("shows a way on, and is left by going elsewhere", () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const at = (address: string, broken: boolean) => (
      <Crash at={address} fallback={<p>Broken</p>}>
        <Page broken={broken} />
      </Crash>
    );
    const { rerender } = render(at("/users", true));
    expect(screen.getByText("Broken")).toBeTruthy();
    rerender(at("/documents", false));
    expect(screen.getByText("A page")).toBeTruthy();
  });
});

describe("a file that is gone after an upgrade", () => {
  const missing = (file: string) => {
    const event = Object.assign(new Event("vite:preloadError"), { payload: new Error(`Failed to fetch ${file}`) });
    window.dispatchEvent(event);
  };

  const settled = () => new Promise((resolve) => setTimeout(resolve, 10));

  beforeEach(() => {
    vi.mocked(loadAgain).mockReset();
    sessionStorage.clear();
  });

  it("loads the page afresh, once for the same file, and only while there is a server", async () => {
    const server = vi.fn(() => Promise.reject(new TypeError("Failed to fetch")));
    vi.stubGlobal("fetch", server);
    watchUpgrades();
    missing("users-1.js");
    await settled();
    expect(server).toHaveBeenCalledTimes(1);
    expect(loadAgain).not.toHaveBeenCalled();
    vi.stubGlobal("fetch", () => Promise.resolve(new Response()));
    missing("users-1.js");
    await settled();
    expect(loadAgain).toHaveBeenCalledTimes(1);
    missing("users-1.js");
    await settled();
    expect(loadAgain).toHaveBeenCalledTimes(1);
    missing("users-2.js");
    await settled();
    expect(loadAgain).toHaveBeenCalledTimes(2);
  });
});
