/**
 * Questions being asked in this window, and their answers as they come in. They live outside the pages, so that an
 * answer goes on while its reader looks at a document. Knows nothing of how a turn looks.
 */

import { useSyncExternalStore } from "react";
import { ask as askServer, type AnswerEvent } from "@/api/ask";
import type { Answer, Sentence, Source } from "@/api/types";

export type Phase = "searching" | "writing" | "done" | "stopped" | "failed";

/** A question and its answer, stored or still arriving: everything that a turn is drawn from. */
export interface Turn {
  question: string;
  phase: Phase;
  text: string;
  sentences: Sentence[];
  sources: Source[];
  answer: Answer | null;
  error: unknown;
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

export function begin(question: string): Turn {
  return { question, phase: "searching", text: "", sentences: [], sources: [], answer: null, error: null };
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
      return { ...turn, ...fromAnswer(turn.question, data) };
  }
}

export function fromAnswer(question: string, answer: Answer): Turn {
  const { text, sentences, sources } = answer;
  return { question, phase: "done", text, sentences, sources, answer, error: null };
}

export function useLiveTurns(conversationId: string): LiveTurn[] {
  return useSyncExternalStore(subscribe, () => conversations.get(conversationId)?.turns ?? NOTHING);
}

/** Whether something was asked in this conversation since this window was opened. */
export function wasAsked(conversationId: string): boolean {
  return conversations.has(conversationId);
}

/** Asks, and keeps the conversation's last turn up to date until it ends. Errors become part of the turn. */
export async function ask(conversationId: string, question: string): Promise<void> {
  const asking = conversations.get(conversationId);
  if (asking?.abort) return;
  const abort = new AbortController();
  const earlier = (asking?.turns ?? []).filter((turn) => turn.phase !== "failed");
  set(conversationId, { turns: [...earlier, { ...begin(question), askedAt: Date.now() }], abort });
  try {
    for await (const event of askServer({ question, conversation_id: conversationId }, abort.signal)) {
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
