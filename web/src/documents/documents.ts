/** Documents as the pages use them: lists that keep themselves up to date, and changes. */

import {
  keepPreviousData,
  skipToken,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type QueryClient,
} from "@tanstack/react-query";
import { useCallback } from "react";
import {
  deleteDocument,
  listDocuments,
  readDocument,
  readDocuments,
  readDocumentText,
  retryDocument,
  setGrants,
  type DocumentFilter,
} from "@/api/documents";
import type { Document, DocumentDetail } from "@/api/types";
import { isUnderWay, withNews, type Pages } from "./live";

const ALL = ["documents"];
const LISTS = [...ALL, "list"];
const NEWS = [...ALL, "news"];
const LIVE = [...ALL, "live"];
const one = (id: string) => [...ALL, "one", id];
const WORKING_MS = 2_000;
const IDLE_MS = 30_000;
/** Looks at what is under way between two readings of the lists, which bring what others have sent. */
const LOOKS = 15;

export function useDocuments(filter: DocumentFilter) {
  return useInfiniteQuery({
    queryKey: [...LISTS, filter],
    queryFn: ({ pageParam, signal }) => listDocuments(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    placeholderData: keepPreviousData,
    refetchInterval: IDLE_MS,
  });
}

/**
 * Asks every two seconds after the documents that are under way, all in one request, and puts the news into every list
 * that is shown. React Query asks nothing while the tab is hidden.
 */
export function useLive(ids: string[]): void {
  const queries = useQueryClient();
  useQuery({
    queryKey: LIVE,
    queryFn: async ({ signal }) => {
      const { items } = await readDocuments(ids, signal);
      tell(queries, items);
      const looks = (queries.getQueryData<number>(LIVE) ?? 0) + 1;
      if (looks % LOOKS === 0) void queries.invalidateQueries({ queryKey: LISTS });
      return looks;
    },
    enabled: ids.length > 0,
    refetchInterval: WORKING_MS,
    staleTime: WORKING_MS / 2,
  });
}

/** The newest that `useLive` heard of each document. */
export function useNews(): ReadonlyMap<string, Document> {
  const { data } = useQuery<ReadonlyMap<string, Document>>({ queryKey: NEWS, queryFn: skipToken });
  return data ?? NO_NEWS;
}

const NO_NEWS: ReadonlyMap<string, Document> = new Map();

function tell(queries: QueryClient, news: Document[]): void {
  queries.setQueriesData<Pages>({ queryKey: LISTS }, (lists) => withNews(lists, news));
  queries.setQueryData<ReadonlyMap<string, Document>>(NEWS, (known = NO_NEWS) => {
    return new Map([...known, ...news.map((document) => [document.id, document] as const)]);
  });
  for (const document of news) {
    // What its text lacks is not in lists: the page reads it again when it is opened.
    queries.setQueryData<DocumentDetail>(one(document.id), (known) => known && { ...known, ...document });
  }
}

export function useDocument(id: string) {
  return useQuery({
    queryKey: one(id),
    queryFn: ({ signal }) => readDocument(id, signal),
    refetchInterval: ({ state }) => (state.data && isUnderWay(state.data) ? WORKING_MS : false),
  });
}

/** The text of a version, or of the one that readers have now. None is asked for before there is one. */
export function useDocumentText({ id, version: current, ready_at }: Document, version: number | null) {
  return useQuery({
    queryKey: ["text", id, version ?? current],
    queryFn: ({ signal }) => readDocumentText(id, version, signal),
    enabled: ready_at !== null,
    // A version's text never changes, but who may read it does: nothing is kept of a page that was left.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnMount: "always",
  });
}

/** Reads every list and document again, after a change. */
export function useRefreshDocuments(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ALL });
}

const SOON_MS = 500;
let soon: ReturnType<typeof setTimeout> | undefined;

/** The same in a moment, once for all that ask until then: a thousand files sent are not a thousand readings. */
export function useRefreshSoon(): () => void {
  const queries = useQueryClient();
  return useCallback(() => {
    soon ??= setTimeout(() => {
      soon = undefined;
      void queries.invalidateQueries({ queryKey: ALL });
    }, SOON_MS);
  }, [queries]);
}

function useChange<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const refresh = useRefreshDocuments();
  return useMutation({ mutationFn, onSuccess: refresh });
}

/** Does not wait until all is read again: by then the row is gone, and nobody is there to say that it worked. */
export function useDeleteDocument() {
  const refresh = useRefreshDocuments();
  return useMutation({ mutationFn: deleteDocument, onSuccess: () => void refresh() });
}

export const useRetryDocument = () => useChange(retryDocument);
export const useSetGrants = () =>
  useChange(({ id, grants }: { id: string; grants: string[] }) => setGrants(id, grants));
