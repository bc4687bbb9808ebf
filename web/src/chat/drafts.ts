/**
 * What was typed and not yet asked. It outlives its field: while its writer looks at a source, and where the session
 * ends and begins anew, which loads the page afresh.
 */

import { useSyncExternalStore } from "react";

const PREFIX = "footnote.draft.";
const drafts = new Map<string, string>();
const listeners = new Set<() => void>();

export function readDraft(key: string): string {
  const kept = drafts.get(key);
  if (kept !== undefined) return kept;
  try {
    return sessionStorage.getItem(PREFIX + key) ?? "";
  } catch {
    return "";
  }
}

function writeDraft(key: string, text: string): void {
  drafts.set(key, text);
  try {
    if (text) sessionStorage.setItem(PREFIX + key, text);
    else sessionStorage.removeItem(PREFIX + key);
  } catch {
    // Storage is blocked: the draft holds until the page is loaded afresh.
  }
  for (const listener of listeners) listener();
}

/** Puts back a question that was not taken, before what was typed since. */
export function keepDraft(key: string, question: string): void {
  writeDraft(key, [question, readDraft(key)].filter(Boolean).join("\n"));
}

/** Empties the field of a question that is on its way; what was typed on since stays. */
export function dropDraft(key: string, question: string): void {
  if (readDraft(key).trim() === question) writeDraft(key, "");
}

/** Called at sign-out: nothing that was typed is left to the next person. */
export function forgetDrafts(): void {
  drafts.clear();
  try {
    const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
    keys.forEach((key) => sessionStorage.removeItem(key));
  } catch {
    // Storage is blocked: nothing was kept in it.
  }
  for (const listener of listeners) listener();
}

/** A field's text. `key` is a conversation's id, or names the person where there is no conversation yet. */
export function useDraft(key: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => readDraft(key));
  return [text, (next) => writeDraft(key, next)];
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
