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
import type { Conversation, Message, Page } from "@/api/types";
import { noticeSignedOut } from "@/shell/session";
import { ask, begin, finish, standing, wasAsked, useLiveTurns, type Over, type Turn } from "./turns";

const LIST = ["conversations"];
const messagesKey = (id: string) => ["messages", id];

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

/** A conversation's turns: those that the server had when it was opened, then those asked since. */
export function useTurns(id: string) {
  const stored = useQuery({
    queryKey: messagesKey(id),
    queryFn: async ({ signal }) => (await listMessages(id, signal)).items,
    // What was asked here is shown from here: a list read now could hold it a second time, or not yet.
    refetchOnMount: () => (wasAsked(id) ? false : "always"),
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    staleTime: Infinity,
  });
  const live = useLiveTurns(id).filter((turn) => turn.askedAt >= stored.dataUpdatedAt);
  const turns = standing([...toTurns(stored.data ?? []), ...live]);
  return { turns, isPending: stored.isPending, error: stored.error, refetch: stored.refetch };
}

async function askAndRefresh(queries: QueryClient, id: string, question: string, over: Over | null): Promise<void> {
  try {
    await ask(id, question, over);
  } catch (error) {
    noticeSignedOut(queries, error);
  }
  await queries.invalidateQueries({ queryKey: LIST });
}

/** Asks at the end of the conversation, or in the place of a turn and all behind it. */
export function useAsk(id: string): (question: string, over?: Over) => void {
  const queries = useQueryClient();
  return (question, over) => void askAndRefresh(queries, id, question, over ?? null);
}

/** Starts a conversation with its first question; gives the conversation as soon as the question is on its way. */
export function useAskNew() {
  const queries = useQueryClient();
  return useMutation<Conversation, Error, string>({
    mutationFn: startConversation,
    onSuccess: ({ id }, question) => {
      queries.setQueryData<Message[]>(messagesKey(id), []);
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
