/**
 * What was typed and not yet asked. It outlives its field: while its writer looks at a source, and where the session
 * ends and begins anew, which loads the page afresh.
 */

import { useSyncExternalStore } from "react";

const PREFIX = "footnote.draft.";
const OWNER = "footnote.drafts-of";
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

/** Takes what was typed along to the key that its field has from now on. */
export function moveDraft(from: string, to: string): void {
  const text = readDraft(from);
  if (!text) return;
  writeDraft(from, "");
  writeDraft(to, text);
}

/**
 * Called as a freshly loaded page learns who is signed in: what the same person typed before stays, what anybody else left
 * in this tab as their session expired goes.
 */
export function claimDrafts(person: string): void {
  try {
    if (sessionStorage.getItem(OWNER) === person) return;
    forgetDrafts();
    sessionStorage.setItem(OWNER, person);
  } catch {
    // Storage is blocked: a page that is loaded afresh has no drafts.
  }
}

/** Called at sign-out, and where somebody else signs in: nothing that was typed is left to the next person. */
export function forgetDrafts(): void {
  drafts.clear();
  try {
    const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
    [OWNER, ...keys].forEach((key) => sessionStorage.removeItem(key));
  } catch {
    // Storage is blocked: nothing was kept in it.
  }
  for (const listener of listeners) listener();
}

/**
 * A field's text. `key` is a conversation's id, or names the person where there is no conversation yet, or the turn whose
 * question is edited.
 */
export function useDraft(key: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => readDraft(key));
  return [text, (next) => writeDraft(key, next)];
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
