/** Conversations as the pages use them: lists, messages as turns, and asking. */

import {
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type InfiniteData,
  type QueryClient,
} from "@tanstack/react-query";
import {
  deleteConversation,
  listConversations,
  listMessages,
  renameConversation,
  startConversation,
} from "@/api/conversations";
import { ApiError } from "@/api/problem";
import type { Conversation, Message, Page } from "@/api/types";
import { isSignedOut, noticeSignedOut } from "@/shell/session";
import { say, sayError } from "@/ui/toasts";
import { dropDraft, keepDraft } from "./drafts";
import {
  ask,
  begin,
  finish,
  isAnswering,
  liveTurns,
  merged,
  settledTurns,
  useLiveTurns,
  type Over,
  type Turn,
} from "./turns";

const LIST = ["conversations"];
const messagesKey = (id: string) => ["messages", id];

/** The server's list of messages, with the turns asked here that it speaks for. */
interface Stored {
  messages: Message[];
  settled: string[];
}

async function readStored(id: string, signal: AbortSignal): Promise<Stored> {
  // Noted first: what is answered while the list is on its way may be missing from it.
  const settled = settledTurns(id);
  return { messages: (await listMessages(id, signal)).items, settled };
}

function shownTurns(stored: Stored | undefined, live: readonly Turn[]): Turn[] {
  return merged(toTurns(stored?.messages ?? []), stored?.settled ?? [], live);
}

export function useConversations() {
  return useInfiniteQuery({
    queryKey: LIST,
    queryFn: ({ pageParam, signal }) => listConversations(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useConversationTitle(id: string): string | undefined {
  return useConversations()
    .data?.pages.flatMap((page) => page.items)
    .find((conversation) => conversation.id === id)?.title;
}

/** Pairs each question with the answer that follows it. A question without one was stopped or failed. */
export function toTurns(messages: readonly Message[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (message.role === "user") turns.push({ ...begin(message.content, { id: message.id }), phase: "stopped" });
    else if (message.answer) turns.push(finish(turns.pop() ?? begin("", { id: message.id }), message.answer));
  }
  return turns;
}

/** A conversation's turns, stored or asked here. They are looked at again whenever the reader comes back to them. */
export function useTurns(id: string) {
  const whenQuiet = () => (isAnswering(id) ? false : "always");
  const stored = useQuery({
    queryKey: messagesKey(id),
    queryFn: ({ signal }) => readStored(id, signal),
    refetchOnMount: whenQuiet,
    refetchOnWindowFocus: whenQuiet,
    refetchOnReconnect: whenQuiet,
    staleTime: Infinity,
  });
  const turns = shownTurns(stored.data, useLiveTurns(id));
  // What is shown stays while it cannot be read anew, unless it is gone.
  const gone = stored.error instanceof ApiError && stored.error.status === 404;
  const error = stored.data && !gone ? null : stored.error;
  return { turns, isPending: stored.isPending, error, refetch: stored.refetch };
}

const shownNow = (queries: QueryClient, id: string) =>
  shownTurns(queries.getQueryData<Stored>(messagesKey(id)), liveTurns(id));
const answerIds = (turns: readonly Turn[]) => turns.flatMap(({ answer }) => (answer ? [answer.id] : []));
const lastAnswer = (turns: readonly Turn[]) => answerIds(turns).at(-1);

/** Whether more was said elsewhere than is shown here. Reads the list anew, so that it is shown from then on. */
async function wentOn(queries: QueryClient, id: string): Promise<boolean> {
  const shown = shownNow(queries, id);
  const queryFn = ({ signal }: { signal: AbortSignal }) => readStored(id, signal);
  const { messages } = await queries.query({ queryKey: messagesKey(id), queryFn, staleTime: 0 });
  return lastAnswer(toTurns(messages)) !== lastAnswer(shown);
}

/** Whether what is to be replaced is all that there is: a question asked anew takes away only what the reader saw. */
async function mayReplace(queries: QueryClient, id: string): Promise<boolean> {
  try {
    if (!(await wentOn(queries, id))) return true;
    say("This conversation went on elsewhere. Read what is new, then ask again.");
  } catch (error) {
    sayError(error);
  }
  return false;
}

async function askAndRefresh(queries: QueryClient, id: string, question: string, over: Over | null): Promise<void> {
  try {
    await ask(id, question, over, answerIds(shownNow(queries, id)));
  } catch (error) {
    if (isSignedOut(error)) keepDraft(id, question);
    noticeSignedOut(queries, error);
  }
  await queries.invalidateQueries({ queryKey: LIST });
}

/**
 * Asks at the end of the conversation, or in the place of a turn and all behind it. Tells whether it was asked, as
 * soon as the question is on its way.
 */
export function useAsk(id: string): (question: string, over?: Over) => Promise<boolean> {
  const queries = useQueryClient();
  return async (question, over) => {
    if (over?.message && !(await mayReplace(queries, id))) return false;
    if (isAnswering(id)) {
      // Asked while that was looked up, from the field below.
      say("Another answer is arriving. Ask again once it is there.");
      return false;
    }
    void askAndRefresh(queries, id, question, over ?? null);
    return true;
  };
}

/**
 * Starts a conversation with its first question; gives the conversation as soon as the question is on its way. Then its
 * draft is gone, also where its writer has left the page.
 */
export function useAskNew(draft: string) {
  const queries = useQueryClient();
  return useMutation<Conversation, Error, string>({
    mutationFn: startConversation,
    onSuccess: ({ id }, question) => {
      // An example is asked beside what was typed.
      dropDraft(draft, question);
      queries.setQueryData<Stored>(messagesKey(id), { messages: [], settled: [] });
      void queries.invalidateQueries({ queryKey: LIST });
      void askAndRefresh(queries, id, question, null);
    },
  });
}

type Pages = InfiniteData<Page<Conversation>, string | null>;

function editList(queries: QueryClient, edit: (items: Conversation[]) => Conversation[]): void {
  queries.setQueryData<Pages>(LIST, (data) =>
    data ? { ...data, pages: data.pages.map((page) => ({ ...page, items: edit(page.items) })) } : data,
  );
}

export function useRenameConversation() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, title }: { id: string; title: string }) => renameConversation(id, title),
    onSuccess: (_, { id, title }) =>
      editList(queries, (items) => items.map((item) => (item.id === id ? { ...item, title } : item))),
  });
}

export function useDeleteConversation() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: deleteConversation,
    onSuccess: (_, id) => {
      editList(queries, (items) => items.filter((item) => item.id !== id));
      queries.removeQueries({ queryKey: messagesKey(id) });
    },
  });
}
