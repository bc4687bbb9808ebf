/** How the app talks with its server: what is tried again, and when the session is over. */

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/problem";
import { noticeSignedOut } from "./session";

export function createQueries(): QueryClient {
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: (error) => noticeSignedOut(queries, error) }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _result, mutation) => {
        // A link or a password that is refused says nothing about the session that there may be.
        if (!mutation.meta?.signsIn) noticeSignedOut(queries, error);
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // The server may be this very machine, or in a house without the internet: the browser cannot know.
        networkMode: "always",
        refetchOnReconnect: true,
        // What the server refused it will refuse again; a lost connection deserves a second try.
        retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
      },
      mutations: { networkMode: "always" },
    },
  });
  return queries;
}
