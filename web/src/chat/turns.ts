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
  /** Ids of the answers that were there when it was asked here. */
  known: readonly string[];
}

interface Asking {
  turns: Turn[];
  abort: AbortController | null;
}

const NOTHING: Turn[] = [];
const conversations = new Map<string, Asking>();
const listeners = new Set<() => void>();

/** Counted on from the time: no turn has the id of one from before the page was loaded, whose draft may still be kept. */
let begun = Date.now();

type Beginning = Partial<Pick<Turn, "id" | "over" | "known">>;

export function begin(question: string, { id, over = null, known = [] }: Beginning = {}): Turn {
  const empty = { text: "", sentences: [], sources: [], answer: null, error: null };
  return { id: id ?? `live-${String(++begun)}`, question, phase: "searching", ...empty, over, known };
}

/** The turn after one more event. */
export function advance(turn: Turn, { event, data }: AnswerEvent): Turn {
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
export function finish(turn: Turn, answer: Answer): Turn {
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
    const from = isCutOff(turn) ? -1 : shown.findIndex((earlier) => isOver(turn.over, earlier));
    if (from >= 0) shown.length = from;
    shown.push(turn);
  }
  return shown;
}

/** A turn that was read anew since may have another id: then its stored message tells it. */
function isOver(over: Over | null, turn: Turn): boolean {
  if (!over) return false;
  return turn.id === over.turn || (over.message !== null && turn.answer?.id === over.message);
}

/**
 * The turns to show: those of the server's list, then those asked here that it does not hold. `settled` are ids of
 * turns that the list would hold if they still stood. A turn asked here keeps its id, and with it its place on the page.
 */
export function merged(stored: readonly Turn[], settled: readonly string[], asked: readonly Turn[]): Turn[] {
  const ids = idsByAnswer(stored, asked);
  const listed = stored.map((turn) => ({ ...turn, id: (turn.answer && ids.get(turn.answer.id)) ?? turn.id }));
  const held = new Set([...settled, ...listed.map((turn) => turn.id)]);
  return standing([...listed, ...asked.filter((turn) => !held.has(turn.id))]);
}

/**
 * Ids of the turns asked here, by the answer that the list holds of them. One that was cut off may be in it all the same:
 * its answer was kept as the reader pressed stop, or as the connection broke. Its words tell it among what is new.
 */
function idsByAnswer(stored: readonly Turn[], asked: readonly Turn[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const turn of asked) if (turn.answer) ids.set(turn.answer.id, turn.id);
  for (const turn of asked.filter(isCutOff)) {
    const isNew = ({ id }: Answer) => !ids.has(id) && !turn.known.includes(id);
    const kept = stored.find(({ question, answer }) => question === turn.question && answer && isNew(answer));
    if (kept?.answer) ids.set(kept.answer.id, turn.id);
  }
  return ids;
}

/** Whether it ended before its answer was whole. */
function isCutOff({ phase }: Turn): boolean {
  return phase === "failed" || phase === "stopped";
}

export function useLiveTurns(conversationId: string): Turn[] {
  return useSyncExternalStore(subscribe, () => liveTurns(conversationId));
}

/** What was asked in this conversation since this window was opened. */
export function liveTurns(conversationId: string): Turn[] {
  return conversations.get(conversationId)?.turns ?? NOTHING;
}

/** The turns asked here that a list read from now on speaks for: all up to the last answer. */
export function settledTurns(conversationId: string): string[] {
  const turns = liveTurns(conversationId);
  return turns.slice(0, turns.findLastIndex((turn) => turn.answer) + 1).map((turn) => turn.id);
}

/** Whether an answer is arriving in this conversation. */
export function isAnswering(conversationId: string): boolean {
  return Boolean(conversations.get(conversationId)?.abort);
}

/**
 * Asks, and keeps the conversation's last turn up to date until it ends. Errors become part of the turn. `known` are ids
 * of the answers that are there already.
 */
export async function ask(
  conversationId: string,
  question: string,
  over: Over | null = null,
  known: readonly string[] = [],
): Promise<void> {
  const asking = conversations.get(conversationId);
  if (asking?.abort) return;
  const abort = new AbortController();
  const earlier = (asking?.turns ?? []).filter((turn) => !isGivenUp(turn));
  set(conversationId, { turns: [...earlier, begin(question, { over, known })], abort });
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

/** Takes away what came to nothing, as the next question would. */
export function dropGivenUp(conversationId: string): void {
  const asking = conversations.get(conversationId);
  if (asking) set(conversationId, { ...asking, turns: asking.turns.filter((turn) => !isGivenUp(turn)) });
}

export function stop(conversationId: string): void {
  conversations.get(conversationId)?.abort?.abort();
}

function change(id: string, abort: AbortController, next: (turn: Turn) => Turn): void {
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
