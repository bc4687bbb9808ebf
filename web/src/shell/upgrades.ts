/** After an upgrade of the server, the files that this window would load next are gone: loading it afresh finds the new. */

import { loadAgain } from "./navigation";

const PREFIX = "footnote.upgrade.";

export function watchUpgrades(): void {
  window.addEventListener("vite:preloadError", ({ payload }) => {
    if (isFirst(payload.message)) loadAgain();
  });
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
