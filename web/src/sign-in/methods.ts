/** How one can sign in here. */

import { useEffect, useState } from "react";
import { readSignInMethods } from "@/api/sessions";
import type { SignInMethods } from "@/api/types";

const LOCAL: SignInMethods = { local: true, oidc: null };

/**
 * Null until it is known. Where it cannot be had, a password can be tried: what is wrong shows there.
 *
 * No query, as it is nobody's: a window that holds nothing else has held nobody's session.
 */
export function useSignInMethods(): SignInMethods | null {
  const [methods, setMethods] = useState<SignInMethods | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    readSignInMethods(leaving.signal).then(setMethods, () => {
      if (!leaving.signal.aborted) setMethods(LOCAL);
    });
    return () => leaving.abort();
  }, []);
  return methods;
}
