/**
 * Questions being asked in this window, and their answers as they come in. They live outside the pages, so that an
 * answer goes on while its reader looks at a document. Knows nothing of how a turn looks.
 */

import { useSyncExternalStore } from "react";
import { ask as askServer, type AnswerEvent } from "@/api/ask";
import type { Answer, Sentence, Source } from "@/api/types";

export type Phase = "searching" | "writing" | "done" | "stopped" | "failed";

/** The turn that a question is asked anew in the place of, with all behind it. */
export interface Over {
  turn: string;
  /** The first stored message of that turn or behind it; null where the server has none of them. */
  message: string | null;
}

/** A question and its answer, stored or still arriving: everything that a turn is drawn from. */
export interface Turn {
  /** Tells it from the others of its conversation, from its beginning on. */
  id: string;
  question: string;
  phase: Phase;
  text: string;
  sentences: Sentence[];
  sources: Source[];
  answer: Answer | null;
  error: unknown;
  over: Over | null;
}

export interface LiveTurn extends Turn {
  /** Milliseconds since the epoch, to tell it from turns that the server's list has already. */
  askedAt: number;
}

interface Asking {
  turns: LiveTurn[];
  abort: AbortController | null;
}

const NOTHING: LiveTurn[] = [];
const conversations = new Map<string, Asking>();
const listeners = new Set<() => void>();

let begun = 0;

export function begin(question: string, { id, over = null }: { id?: string; over?: Over | null } = {}): Turn {
  const empty = { text: "", sentences: [], sources: [], answer: null, error: null };
  return { id: id ?? `live-${String(++begun)}`, question, phase: "searching", ...empty, over };
}

/** The turn after one more event. */
export function advance<T extends Turn>(turn: T, { event, data }: AnswerEvent): T {
  switch (event) {
    case "sources":
      return { ...turn, sources: data };
    case "text":
      return { ...turn, phase: "writing", text: turn.text + data.delta };
    case "sentence":
      return { ...turn, phase: "writing", sentences: [...turn.sentences, data] };
    case "done":
      return finish(turn, data);
  }
}

/** The turn with its whole answer. */
export function finish<T extends Turn>(turn: T, answer: Answer): T {
  const { text, sentences, sources } = answer;
  return { ...turn, phase: "done", text, sentences, sources, answer, error: null };
}

/** What asking anew from this turn on takes the place of. */
export function overFrom(turns: readonly Turn[], turn: Turn): Over {
  // One that was asked anew and did not come to an end stands behind what it did not replace.
  if (turn.over && !turn.answer) return turn.over;
  const stored = turns.slice(turns.indexOf(turn)).find((later) => later.answer);
  return { turn: turn.id, message: stored?.answer?.id ?? null };
}

/** The turns to show, given all in the order in which they were asked: those that were replaced are left out. */
export function standing(turns: readonly Turn[]): Turn[] {
  const shown: Turn[] = [];
  for (const turn of turns) {
    const replaces = turn.phase !== "failed" && turn.phase !== "stopped";
    const from = replaces ? shown.findIndex((earlier) => earlier.id === turn.over?.turn) : -1;
    if (from >= 0) shown.length = from;
    shown.push(turn);
  }
  return shown;
}

export function useLiveTurns(conversationId: string): LiveTurn[] {
  return useSyncExternalStore(subscribe, () => conversations.get(conversationId)?.turns ?? NOTHING);
}

/** Whether something was asked in this conversation since this window was opened. */
export function wasAsked(conversationId: string): boolean {
  return conversations.has(conversationId);
}

/** Asks, and keeps the conversation's last turn up to date until it ends. Errors become part of the turn. */
export async function ask(conversationId: string, question: string, over: Over | null = null): Promise<void> {
  const asking = conversations.get(conversationId);
  if (asking?.abort) return;
  const abort = new AbortController();
  const earlier = (asking?.turns ?? []).filter((turn) => !isGivenUp(turn));
  set(conversationId, { turns: [...earlier, { ...begin(question, { over }), askedAt: Date.now() }], abort });
  const asked = { question, conversation_id: conversationId, ...(over?.message && { replaces: over.message }) };
  try {
    for await (const event of askServer(asked, abort.signal)) {
      change(conversationId, abort, (turn) => advance(turn, event));
    }
  } catch (error) {
    const stopped = abort.signal.aborted;
    change(conversationId, abort, (turn) => ({
      ...turn,
      phase: stopped ? "stopped" : "failed",
      error: stopped ? null : error,
    }));
    if (!stopped) throw error;
  } finally {
    const ended = conversations.get(conversationId);
    if (ended?.abort === abort) set(conversationId, { ...ended, abort: null });
  }
}

/** What the next question takes away: nothing of it is stored, and what it was to replace is still there. */
function isGivenUp(turn: Turn): boolean {
  return turn.phase === "failed" || (turn.phase === "stopped" && turn.over !== null);
}

export function stop(conversationId: string): void {
  conversations.get(conversationId)?.abort?.abort();
}

function change(id: string, abort: AbortController, next: (turn: LiveTurn) => LiveTurn): void {
  const asking = conversations.get(id);
  const last = asking?.turns.at(-1);
  if (asking?.abort !== abort || !last) return;
  set(id, { abort, turns: [...asking.turns.slice(0, -1), next(last)] });
}

function set(id: string, asking: Asking): void {
  conversations.set(id, asking);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
