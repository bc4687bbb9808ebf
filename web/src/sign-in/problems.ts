/** Why a sign-in at the provider led to no session, by the code that the server puts into this page's address. */

interface Problem {
  title: string;
  detail: string;
}

const AGAIN = "Try again. If that does not help, tell your administrator.";

const PROBLEMS: Record<string, Problem> = {
  oidc_cancelled: { title: "The sign-in was cancelled", detail: "Nothing has happened. You can try again." },
  oidc_expired: {
    title: "The sign-in took too long",
    detail: "Or it was used already, or began in another browser. Try again.",
  },
  oidc_refused: { title: "The sign-in provider said no", detail: AGAIN },
  oidc_grant_ended: { title: "The sign-in provider said no", detail: AGAIN },
  oidc_invalid_token: {
    title: "The sign-in could not be verified",
    detail: "What the provider sent proves nothing. Your administrator finds the reason in the log.",
  },
  oidc_unavailable: { title: "The sign-in provider does not answer", detail: "Try again in a moment." },
  oidc_busy: { title: "Many people are signing in just now", detail: "Try again in a moment." },
  oidc_misconfigured: {
    title: "The sign-in is not set up correctly",
    detail: "Your administrator finds the reason in the log.",
  },
  oidc_no_email: {
    title: "Your account has no e-mail address",
    detail: "The sign-in provider has to name one: ask your administrator.",
  },
  oidc_email_unverified: {
    title: "Your e-mail address is not verified",
    detail: "Verify it at the sign-in provider and try again, or ask your administrator.",
  },
  oidc_email_taken: {
    title: "There is an account of your e-mail address already",
    detail: "It is not linked to this sign-in: sign in the way you did before, or ask your administrator.",
  },
  oidc_domain: {
    title: "You may not sign in here with this account",
    detail: "Only addresses of your company may. Use the account that the company gave you.",
  },
  oidc_no_sign_out: {
    title: "The provider has no page for signing out",
    detail: "Your session here has ended. Close the browser to end the one there.",
  },
  account_disabled: { title: "Your account is disabled", detail: "Ask your administrator." },
  rate_limited: { title: "Too many sign-ins just now", detail: "Wait a minute, then try again." },
  too_many_attempts: { title: "Too many sign-ins just now", detail: "Wait a minute, then try again." },
};

const UNKNOWN: Problem = { title: "The sign-in did not work", detail: AGAIN };

/** What to say of a code. One that is unknown is not shown: anybody can write it into an address. */
export const problemOf = (code: string): Problem => (Object.hasOwn(PROBLEMS, code) && PROBLEMS[code]) || UNKNOWN;
