/** Data sources as their page uses them: a list that keeps itself up to date, and changes. */

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  addDataSource,
  changeDataSource,
  listConnectors,
  listDataSources,
  listFailedItems,
  removeDataSource,
  syncDataSource,
} from "@/api/data-sources";
import type { DataSourceChange } from "@/api/types";
import { isAtWork } from "./words";

const ALL = ["data-sources"];
const WORKING_MS = 2_000;
const IDLE_MS = 30_000;

export function useDataSources() {
  return useQuery({
    queryKey: [...ALL, "list"],
    queryFn: ({ signal }) => listDataSources(signal),
    refetchInterval: ({ state }) => (state.data?.items.some(({ setup }) => isAtWork(setup)) ? WORKING_MS : IDLE_MS),
  });
}

export function useConnectors() {
  return useQuery({ queryKey: ["connectors"], queryFn: ({ signal }) => listConnectors(signal), staleTime: Infinity });
}

export function useFailedItems(name: string, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: [...ALL, "failed", name],
    queryFn: ({ pageParam, signal }) => listFailedItems(name, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    enabled,
  });
}

function useAction<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => queries.invalidateQueries({ queryKey: ALL }) });
}

export const useAddSource = () => useAction(addDataSource);
export const useChangeSource = () =>
  useAction(({ name, ...change }: { name: string } & DataSourceChange) => changeDataSource(name, change));
export const useSyncSource = () =>
  useAction(({ name, confirm }: { name: string; confirm: boolean }) => syncDataSource(name, confirm));
export const useRemoveSource = () =>
  useAction(({ name, keep }: { name: string; keep: boolean }) => removeDataSource(name, keep));
