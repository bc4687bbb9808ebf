/** Word between the tabs of this browser, which share one session: that somebody signed in or out. */

let channel: BroadcastChannel | null = null;
const opened = () => (channel ??= new BroadcastChannel("footnote"));

export function tellOtherTabs(): void {
  opened().postMessage("session");
}

/** Calls `look` whenever another tab says so. */
export function onOtherTabs(look: () => void): void {
  opened().addEventListener("message", look);
}
