/** Signing in: at the company's provider, by a one-time link (`/sign-in#token=…`), or with address and password. */

import { useMutation } from "@tanstack/react-query";
import { useEffect, useState, type SyntheticEvent } from "react";
import { Navigate, useLocation, useNavigate, type Location } from "react-router";
import { ApiError } from "@/api/problem";
import { signInWithPassword, signInWithToken } from "@/api/sessions";
import { useEnterSession, useMe } from "@/shell/session";
import { Wordmark } from "@/shell/wordmark";
import { Button, ButtonLink, Spinner } from "@/ui/button";
import { TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/notice";
import form from "@/shell/form.module.css";
import { useSignInMethods } from "./methods";
import { ProviderProblem, ProviderSignIn } from "./provider-sign-in";
import styles from "./sign-in.module.css";

export function SignInPage() {
  const { data: me } = useMe();
  const enter = useEnterSession();
  const { hash, pathname, search, state } = useLocation() as Location<unknown>;
  const navigate = useNavigate();
  const from = cameFrom(state);
  const methods = useSignInMethods();
  const failed = new URLSearchParams(search).get("error");
  const link = useMutation({
    mutationFn: signInWithToken,
    meta: { signsIn: true },
    onSuccess: (me) => enter(me, from),
  });
  const { mutate } = link;
  const token = tokenIn(hash);
  useEffect(() => {
    // A link works once, so it is sent once; and it is taken out of the address, so that no history keeps it.
    if (!token || tokenIn(window.location.hash) !== token) return;
    void navigate(pathname, { replace: true, state });
    mutate(token);
  }, [token, mutate, navigate, pathname, state]);
  const waiting = token !== null || link.isPending;
  if (me && !waiting && !link.isError) return <Navigate to={from} replace />;
  return (
    <main className={styles.page}>
      <title>Sign in · Footnote</title>
      <div className={styles.card}>
        <h1 aria-label="Sign in to Footnote">
          <Wordmark large />
        </h1>
        <p className={styles.lead}>Answers from your documents, with the passage behind every sentence.</p>
        {waiting ? (
          <p className={styles.waiting} role="status">
            <Spinner /> Signing you in…
          </p>
        ) : (
          <>
            {link.isError && <LinkProblem error={link.error} onRetry={() => mutate(link.variables)} />}
            {failed && !link.isError && <ProviderProblem code={failed} />}
            {me ? (
              <ButtonLink to={from}>Go on as {me.email}</ButtonLink>
            ) : (
              <>
                {methods?.oidc && <ProviderSignIn name={methods.oidc} from={from} />}
                {methods?.oidc && methods.local && <p className={styles.or}>or</p>}
                {methods?.local && <PasswordForm from={from} first={!methods.oidc} onSignedIn={link.reset} />}
              </>
            )}
          </>
        )}
      </div>
    </main>
  );
}

/** The token of a sign-in link. It stands in the fragment, which browsers send to nobody: no log ever holds it. */
function tokenIn(hash: string): string | null {
  return new URLSearchParams(hash.slice(1)).get("token") || null;
}

/** Only paths of this app: the state is ours, but an address elsewhere must never come out of it. */
function cameFrom(state: unknown): string {
  const from = typeof state === "object" && state && "from" in state ? state.from : null;
  return typeof from === "string" && /^\/(?![/\\])/.test(from) ? from : "/";
}

function LinkProblem({ error, onRetry }: { error: Error; onRetry: () => void }) {
  if (!(error instanceof ApiError) || error.status !== 401) return <ErrorNotice error={error} onRetry={onRetry} />;
  return (
    <div role="alert" data-testid="error">
      <Notice tone="danger" title="This sign-in link no longer works">
        It was used already or has expired. Ask your administrator for a new one, or sign in with your password.
      </Notice>
    </div>
  );
}

interface PasswordFormProps {
  from: string;
  /** Whether it is what one does here first. */
  first: boolean;
  onSignedIn: () => void;
}

function PasswordForm({ from, first, onSignedIn }: PasswordFormProps) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const enter = useEnterSession();
  const signIn = useMutation({
    mutationFn: () => signInWithPassword(email.trim(), password),
    meta: { signsIn: true },
    onSuccess: (me) => {
      onSignedIn();
      return enter(me, from);
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <form className={form.form} onSubmit={submit} data-testid="sign-in-form">
      <TextField
        label="E-mail address"
        type="email"
        name="email"
        autoComplete="username"
        required
        value={email}
        onChange={setEmail}
      />
      <TextField
        label="Password"
        type="password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={setPassword}
      />
      {signIn.isError && <PasswordProblem error={signIn.error} />}
      <Button
        weight={first ? "primary" : "secondary"}
        type="submit"
        busy={signIn.isPending}
        data-testid="sign-in-submit"
      >
        Sign in
      </Button>
      <p className={styles.hint}>No password yet? Your administrator can send you a sign-in link.</p>
    </form>
  );
}

function PasswordProblem({ error }: { error: Error }) {
  const wrong = error instanceof ApiError && error.status === 401;
  if (!wrong) return <ErrorNotice error={error} />;
  return (
    <div role="alert" data-testid="error">
      <Notice tone="danger">The e-mail address or the password is not right.</Notice>
    </div>
  );
}
