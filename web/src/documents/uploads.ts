/**
 * Files on their way to the server. They live outside the page, so that they go on while another page is open.
 * Knows nothing of how they look.
 */

import { useSyncExternalStore } from "react";
import { upload } from "@/api/upload";

/** At once; the rest waits. More would only share the same line. */
const AT_ONCE = 3;

export interface UploadItem {
  key: number;
  file: File;
  grants: string[];
  state: "waiting" | "sending" | "sent" | "unchanged" | "failed";
  /** 0 to 1. */
  progress: number;
  /** The document it became. */
  id: string | null;
  error: unknown;
}

let items: readonly UploadItem[] = [];
let nextKey = 1;
const aborts = new Map<number, AbortController>();
const listeners = new Set<() => void>();

export function useUploads(): readonly UploadItem[] {
  return useSyncExternalStore(subscribe, () => items);
}

/** Sends files; `onSent` is called for each that the server took. */
export function sendFiles(files: readonly File[], grants: string[], onSent: () => void): void {
  const added = files.map((file): UploadItem => {
    return { key: nextKey++, file, grants, state: "waiting", progress: 0, id: null, error: null };
  });
  set([...items, ...added]);
  pump(onSent);
}

export function sendAgain(key: number, onSent: () => void): void {
  change(key, { state: "waiting", progress: 0, error: null });
  pump(onSent);
}

/** Takes a file off the list; what is still on its way stops. */
export function dismiss(key: number): void {
  aborts.get(key)?.abort();
  set(items.filter((item) => item.key !== key));
}

export function dismissFinished(): void {
  set(items.filter((item) => item.state === "waiting" || item.state === "sending"));
}

function pump(onSent: () => void): void {
  while (items.filter((item) => item.state === "sending").length < AT_ONCE) {
    const next = items.find((item) => item.state === "waiting");
    if (!next) return;
    void sendOne(next, onSent);
  }
}

async function sendOne({ key, file, grants }: UploadItem, onSent: () => void): Promise<void> {
  const abort = new AbortController();
  aborts.set(key, abort);
  change(key, { state: "sending" });
  try {
    const onProgress = (progress: number) => change(key, { progress });
    const { id, unchanged } = await upload({ file, grants, signal: abort.signal, onProgress });
    change(key, { state: unchanged ? "unchanged" : "sent", progress: 1, id });
    onSent();
  } catch (error) {
    change(key, { state: "failed", error });
  } finally {
    aborts.delete(key);
    pump(onSent);
  }
}

function change(key: number, changes: Partial<UploadItem>): void {
  set(items.map((item) => (item.key === key ? { ...item, ...changes } : item)));
}

function set(next: readonly UploadItem[]): void {
  items = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
