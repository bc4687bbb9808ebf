/** What went wrong, in words for the person who sees it. Knows nothing of how it is shown. */

/** A problem document (RFC 9457) with the server's stable `code`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
}

/**
 * An answer that is not 2xx. `code` is the server's stable code, `status` the HTTP status, `retryAfterMs` how long the
 * server asks to wait before the same call, where it does.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, retryAfterMs: number | null = null) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server could not be reached, or the connection broke off. */
export class ConnectionLost extends Error {
  constructor(message = "The connection to the server was lost.") {
    super(message);
    this.name = "ConnectionLost";
  }
}

export interface Explanation {
  title: string;
  detail: string;
  /** Whether the same call may well work a moment later. */
  retry: boolean;
}

const TITLES: Record<string, string> = {
  unauthenticated: "You are signed out",
  forbidden: "You may not do this",
  not_found: "Not found",
  conflict: "That has changed in the meantime",
  too_large: "The file is too large",
  invalid_input: "That cannot be right",
  invalid_filter: "That filter cannot be right",
  unsupported_type: "This kind of file is not supported",
  empty_file: "The file is empty",
  overloaded: "Too many requests just now",
  unavailable: "A part of the server is not available",
  index_unavailable: "The search index is not available",
  model_unavailable: "The language model is not available",
};

/** What to do about an answer that says nothing itself: a proxy's, mostly. */
const DETAILS: Record<number, string> = {
  401: "Sign in again.",
  408: "Sending took too long. Try again.",
  413: "The file is larger than the server takes.",
  429: "There are too many requests just now. Try again in a moment.",
  502: "The server does not answer just now. Try again in a moment.",
  503: "The server does not answer just now. Try again in a moment.",
  504: "The server does not answer just now. Try again in a moment.",
};

/** Whether there is no such thing, or it may not be read: the server does not say which. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

function titleOfStatus(status: number): string {
  if (status >= 500) return "The server has a problem";
  if (status === 429) return "Too many requests just now";
  if (status === 413) return "The file is too large";
  return "That did not work";
}

/** Words for any error: a problem document, a broken connection, or a fault of our own. */
export function explain(error: unknown): Explanation {
  if (error instanceof ApiError) {
    const retry = error.status >= 500 || error.status === 429 || error.status === 408;
    return { title: TITLES[error.code] ?? titleOfStatus(error.status), detail: error.message, retry };
  }
  if (error instanceof ConnectionLost) {
    return { title: "No connection", detail: `${error.message} Check your network, then try again.`, retry: true };
  }
  return { title: "Something went wrong", detail: "The app ran into an unexpected error. Try again.", retry: true };
}

/** Reads the problem document of a response; a body in any other form (a proxy's page) becomes one. */
export function toProblem(status: number, body: unknown): Problem {
  const given = typeof body === "object" && body !== null ? (body as Partial<Record<keyof Problem, unknown>>) : {};
  const text = (value: unknown, otherwise: string) => (typeof value === "string" && value ? value : otherwise);
  return {
    type: text(given.type, "about:blank"),
    title: text(given.title, titleOfStatus(status)),
    status,
    detail: text(given.detail, DETAILS[status] ?? `The server answered ${status}.`),
    code: text(given.code, status === 401 ? "unauthenticated" : "unexpected"),
  };
}
