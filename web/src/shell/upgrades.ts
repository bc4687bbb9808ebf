/** After an upgrade of the server, the files that this window would load next are gone: loading it afresh finds the new. */

import { loadAgain } from "./navigation";

const PREFIX = "footnote.upgrade.";

export function watchUpgrades(): void {
  window.addEventListener("vite:preloadError", ({ payload }) => {
    // Without an answer it is no upgrade, and loading afresh would leave nothing.
    void isServed().then((served) => {
      if (served && isFirst(payload.message)) loadAgain();
    });
  });
}

async function isServed(): Promise<boolean> {
  try {
    return (await fetch("/", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/** Whether loading afresh was not yet tried here for the same file: where it does not help, it must not go on for ever. */
function isFirst(problem: string): boolean {
  const key = PREFIX + window.location.pathname;
  try {
    if (sessionStorage.getItem(key) === problem) return false;
    sessionStorage.setItem(key, problem);
    return true;
  } catch {
    // Storage is blocked: nothing can tell the first time from the next.
    return false;
  }
}
