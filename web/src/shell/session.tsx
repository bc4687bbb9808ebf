/** The signed-in person: read once, known to every page behind `SignedIn`. */

import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, type ReactNode } from "react";
import { Navigate, useLocation } from "react-router";
import { ApiError } from "@/api/problem";
import { readMe, signOut } from "@/api/sessions";
import type { Me } from "@/api/types";
import { claimDrafts, forgetDrafts } from "@/chat/drafts";
import { abandonUploads } from "@/documents/uploads";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { loadAgain, loadAt } from "./navigation";
import { onOtherTabs, tellOtherTabs } from "./other-tabs";
import styles from "./session.module.css";

const ME = ["me"];
const SessionContext = createContext<Me | null>(null);

/** Whose pages this window shows, from the first on: what it holds is that person's alone. */
let person: string | null = null;
const isAnother = (me: Me) => person !== null && person !== me.id;

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** Called for every failed call: where the session has ended, the sign-in page follows. */
export function noticeSignedOut(queries: QueryClient, error: unknown): void {
  if (isSignedOut(error)) queries.setQueryData(ME, null);
}

export function useMe() {
  return useQuery<Me | null>({
    queryKey: ME,
    queryFn: async ({ signal }) => {
      try {
        return await readMe(signal);
      } catch (error) {
        if (isSignedOut(error)) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

/** The person signed in. Only inside `SignedIn`. */
export function useSignedIn(): Me {
  const me = useContext(SessionContext);
  if (!me) throw new Error("useSignedIn outside of SignedIn");
  return me;
}

/** Looks who is signed in as soon as another tab says that this changed. */
export function watchSession(queries: QueryClient): void {
  onOtherTabs(() => void queries.invalidateQueries({ queryKey: ME }));
}

/** Nothing that somebody typed or was sending is left to the next person, and no question holds up leaving the page. */
function forgetPerson(): void {
  forgetDrafts();
  abandonUploads();
}

/**
 * Starts a session and goes on at an address of this app. A window that held somebody else's session is loaded afresh,
 * so that nothing of it is left; where the same person comes back, what they were sending goes on.
 *
 * The question who is signed in may be under way still, asked before there was a session: its answer must not come last.
 */
export function useEnterSession(): (me: Me, address: string) => Promise<void> {
  const queries = useQueryClient();
  return async (me, address) => {
    tellOtherTabs();
    await queries.cancelQueries({ queryKey: ME });
    const used = queries
      .getQueryCache()
      .getAll()
      .some((query) => query.queryKey[0] !== ME[0]);
    if (used && person !== me.id) {
      if (person !== null) forgetPerson();
      loadAt(address);
      return;
    }
    queries.setQueryData(ME, me);
    await queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== ME[0] });
  };
}

/** Ends the session; loading the page afresh forgets everything that was shown in it. */
export async function leaveSession(): Promise<void> {
  await signOut();
  forgetPerson();
  tellOtherTabs();
  loadAt("/sign-in");
}

/** Shows its children to a person who is signed in, and takes everyone else to the sign-in page and back. */
export function SignedIn({ children }: { children: ReactNode }) {
  const { data: me, error, isPending, refetch } = useMe();
  const { pathname, search } = useLocation();
  useEffect(() => {
    if (!me) return;
    if (isAnother(me)) {
      forgetPerson();
      loadAgain();
    } else {
      // Who came by the provider was told to nobody yet: the page that it sent them back to is the first that knows.
      if (person === null) {
        tellOtherTabs();
        claimDrafts(me.id);
      }
      person = me.id;
    }
  }, [me]);
  if (isPending || (me && isAnother(me))) return <div className={styles.wait} aria-busy="true" />;
  if (me === undefined) {
    return (
      <main className={styles.wait}>
        <div className={styles.problem}>
          <ErrorNotice error={error} />
          <Button onClick={() => void refetch()}>Try again</Button>
        </div>
      </main>
    );
  }
  if (me === null) return <Navigate to="/sign-in" replace state={{ from: pathname + search }} />;
  return <SessionContext value={me}>{children}</SessionContext>;
}
