/** Documents as the pages use them: lists that keep themselves up to date, and changes. */

import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  deleteDocument,
  listDocuments,
  readDocument,
  readDocumentText,
  retryDocument,
  setGrants,
  type DocumentFilter,
} from "@/api/documents";
import type { Document } from "@/api/types";

const ALL = ["documents"];
const WORKING_MS = 2_000;
const IDLE_MS = 30_000;

/** Whether the server still has work to do on it, so that its state will change by itself. */
export function isUnderWay(document: Document): boolean {
  return document.state === "queued" || document.state === "running";
}

export function useDocuments(filter: DocumentFilter) {
  return useInfiniteQuery({
    queryKey: [...ALL, "list", filter],
    queryFn: ({ pageParam, signal }) => listDocuments(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some(isUnderWay)) ? WORKING_MS : IDLE_MS,
  });
}

export function useDocument(id: string) {
  return useQuery({
    queryKey: [...ALL, "one", id],
    queryFn: ({ signal }) => readDocument(id, signal),
    refetchInterval: ({ state }) => (state.data && isUnderWay(state.data) ? WORKING_MS : false),
  });
}

export function useDocumentText(id: string, version: number | null, enabled: boolean) {
  return useQuery({
    queryKey: ["text", id, version],
    queryFn: ({ signal }) => readDocumentText(id, version, signal),
    // A version's text never changes; without a version it is the current one's.
    staleTime: version === null ? 0 : Infinity,
    enabled,
  });
}

/** Reads every list and document again, after a change. */
export function useRefreshDocuments(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ALL });
}

function useChange<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const refresh = useRefreshDocuments();
  return useMutation({ mutationFn, onSuccess: refresh });
}

export const useDeleteDocument = () => useChange(deleteDocument);
export const useRetryDocument = () => useChange(retryDocument);
export const useSetGrants = () =>
  useChange(({ id, grants }: { id: string; grants: string[] }) => setGrants(id, grants));
