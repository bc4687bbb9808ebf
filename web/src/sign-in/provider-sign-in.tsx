/** Signing in at the company's own provider. These are links that leave the app: the server sends the browser on. */

import { buttonClass } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { problemOf } from "./problems";
import styles from "./sign-in.module.css";

export function ProviderSignIn({ name, from }: { name: string; from: string }) {
  return (
    <div className={styles.provider}>
      <a
        className={buttonClass({ weight: "primary" })}
        href={`/v1/sessions/oidc?next=${encodeURIComponent(from)}`}
        data-testid="sign-in-oidc"
      >
        Sign in with {name}
      </a>
      <p className={styles.hint}>
        Leaving a computer that others use? <a href="/v1/sessions/oidc/sign-out">Sign out there as well</a>
      </p>
    </div>
  );
}

export function ProviderProblem({ code }: { code: string }) {
  const { title, detail } = problemOf(code);
  return (
    <div role="alert" data-testid="error">
      <Notice tone="danger" title={title}>
        {detail}
      </Notice>
    </div>
  );
}
