/**
 * Files on their way to the server. They live outside the page, so that they go on while another page is open.
 * Knows nothing of how they look.
 */

import { useSyncExternalStore } from "react";
import { ApiError, ConnectionLost, explain } from "@/api/problem";
import { pathInFolder, upload, type FileWithPath, type Outcome } from "@/api/upload";

/** At once; the rest waits. More would only share the same line. */
const AT_ONCE = 3;
const RETRIES = 3;
const LONGEST_WAIT_MS = 60_000;
/** Each report of progress draws the page anew. */
const PROGRESS_MS = 200;

export interface UploadItem {
  key: number;
  file: FileWithPath;
  /** Its path in the folder that it came with, or its name. */
  name: string;
  grants: string[];
  state: "waiting" | "sending" | "failed" | Outcome;
  /** 0 to 1. */
  progress: number;
  /** The document it became, and which version of it. */
  id: string | null;
  version: number | null;
  /** Why it failed; of one that is being sent: why it is tried once more. */
  error: unknown;
}

/** The person whose files these are, and what is to be done about them. */
export interface Sender {
  id: string;
  /** Called for each file that the server took. */
  onSent: () => void;
  /** Called when the session has ended. The files wait until somebody is signed in again. */
  onSignedOut: (error: unknown) => void;
}

let items: readonly UploadItem[] = [];
let nextKey = 1;
/** Null while nobody is signed in. */
let sender: Sender | null = null;
let owner: string | null = null;
const aborts = new Map<number, AbortController>();
const listeners = new Set<() => void>();

export function useUploads(): readonly UploadItem[] {
  return useSyncExternalStore(subscribe, () => items);
}

/** Says who is signed in, and goes on with what waits. What somebody else left is not this person's to send. */
export function sendAs(next: Sender): void {
  if (owner !== next.id) dismissAll(items);
  owner = next.id;
  sender = next;
  pump();
}

/** Stops everything: whoever is signed in next has nothing to do with it. */
export function abandonUploads(): void {
  sender = null;
  owner = null;
  dismissAll(items);
}

export function sendFiles(files: readonly FileWithPath[], grants: string[]): void {
  const added = files.map((file): UploadItem => {
    const name = pathInFolder(file) ?? file.name;
    const key = nextKey++;
    return { key, file, name, grants, state: "waiting", progress: 0, id: null, version: null, error: null };
  });
  set([...items, ...added]);
  pump();
}

export function sendAgain(key: number): void {
  change(key, { state: "waiting", progress: 0, error: null });
  pump();
}

export function sendFailedAgain(): void {
  items.filter(canBeSentAgain).forEach(({ key }) => sendAgain(key));
}

/** Whether it failed for a reason that may have gone. */
export function canBeSentAgain({ state, error }: UploadItem): boolean {
  return state === "failed" && explain(error).retry;
}

export function isOnItsWay({ state }: UploadItem): boolean {
  return state === "waiting" || state === "sending";
}

export function hasArrived({ state }: UploadItem): boolean {
  return state === "sent" || state === "updated" || state === "unchanged";
}

/** Takes a file off the list; what is still on its way stops. */
export function dismiss(key: number): void {
  dismissAll(items.filter((item) => item.key === key));
}

export function stopAll(): void {
  dismissAll(items.filter(isOnItsWay));
}

/** Whether nothing more will become of it: it arrived, or was refused for good. */
export function isSettled(item: UploadItem): boolean {
  return hasArrived(item) || (item.state === "failed" && !canBeSentAgain(item));
}

export function dismissSettled(): void {
  dismissAll(items.filter(isSettled));
}

function dismissAll(gone: readonly UploadItem[]): void {
  // Off the list first: where one stops, the next that waits would begin.
  set(items.filter((item) => !gone.includes(item)));
  for (const { key } of gone) aborts.get(key)?.abort();
}

function pump(): void {
  while (sender && items.filter((item) => item.state === "sending").length < AT_ONCE) {
    const next = items.find((item) => item.state === "waiting");
    if (!next) return;
    void sendOne(next);
  }
}

async function sendOne({ key, file, grants }: UploadItem): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  aborts.set(key, abort);
  change(key, { state: "sending", progress: 0, error: null });
  try {
    const onProgress = seldom((progress) => change(key, { progress, error: null }));
    const { id, version, outcome } = await withRetries(
      () => upload({ file, grants, signal, onProgress }),
      (error) => change(key, { progress: 0, error }),
      signal,
    );
    change(key, { state: outcome, progress: 1, id, version, error: null });
    sender?.onSent();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) waitForSignIn(key, error);
    else change(key, { state: "failed", error });
  } finally {
    aborts.delete(key);
    pump();
  }
}

function waitForSignIn(key: number, error: ApiError): void {
  change(key, { state: "waiting", progress: 0, error: null });
  const signedOut = sender;
  sender = null;
  signedOut?.onSignedOut(error);
}

/** Sends once more what failed for a reason that passes. Sending twice does no harm: the server knows the bytes. */
async function withRetries<T>(
  send: () => Promise<T>,
  onFailure: (error: unknown) => void,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await send();
    } catch (error) {
      if (failures > RETRIES || !passes(error)) throw error;
      onFailure(error);
      const asked = error instanceof ApiError ? error.retryAfterMs : null;
      await pause(Math.min(asked ?? 1000 * 2 ** failures, LONGEST_WAIT_MS), signal);
    }
  }
}

function passes(error: unknown): boolean {
  return (
    error instanceof ConnectionLost || (error instanceof ApiError && [408, 429, 502, 503, 504].includes(error.status))
  );
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("The upload was cancelled.", "AbortError"));
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

function seldom(report: (fraction: number) => void): (fraction: number) => void {
  let last = -Infinity;
  return (fraction) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS) return;
    last = now;
    report(fraction);
  };
}

function change(key: number, changes: Partial<UploadItem>): void {
  set(items.map((item) => (item.key === key ? { ...item, ...changes } : item)));
}

function set(next: readonly UploadItem[]): void {
  items = next;
  // Files cannot be taken along when the page is left or loaded afresh.
  if (items.some(isOnItsWay)) window.addEventListener("beforeunload", askFirst);
  else window.removeEventListener("beforeunload", askFirst);
  for (const listener of listeners) listener();
}

function askFirst(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
