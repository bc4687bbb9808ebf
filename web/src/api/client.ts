/**
 * The server's interface, typed by its OpenAPI document: same origin, session cookie, problem documents as `ApiError`.
 */

import createClient from "openapi-fetch";
import { ApiError, ConnectionLost, toProblem } from "./problem";
import type { paths } from "./schema";

export const server = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin" });

server.use({
  onError: ({ error }) =>
    error instanceof DOMException && error.name === "AbortError"
      ? undefined
      : new ConnectionLost("The server cannot be reached."),
});

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What a call answers. Errors: `ApiError`, `ConnectionLost`, and `AbortError` if aborted. */
export async function answered<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw new ApiError(toProblem(response.status, error));
  return data as T;
}
