import { describe, expect, it } from "vitest";
import { ApiError, ConnectionLost, explain, toProblem } from "./problem";

const problem = (status: number, code: string, detail = "What happened.") =>
  new ApiError({ type: "about:blank", title: "Title", status, detail, code });

describe("explaining errors", () => {
  it("names the stable code in words and gives the server's detail", () => {
    expect(explain(problem(413, "too_large", "The limit is 50 MiB."))).toEqual({
      title: "The file is too large",
      detail: "The limit is 50 MiB.",
      retry: false,
    });
  });

  it("falls back on the status for a code it does not know", () => {
    expect(explain(problem(500, "new_code"))).toMatchObject({ title: "The server has a problem", retry: true });
    expect(explain(problem(418, "new_code"))).toMatchObject({ title: "That did not work", retry: false });
  });

  it.each([408, 429, 503])("offers to try again after %i", (status) => {
    expect(explain(problem(status, "whatever")).retry).toBe(true);
  });

  it("says that the connection is gone", () => {
    expect(explain(new ConnectionLost("The answer broke off."))).toMatchObject({ title: "No connection", retry: true });
  });

  it("does not show the inside of a fault of our own", () => {
    expect(explain(new TypeError("x is not a function")).detail).not.toContain("function");
  });
});

describe("reading problem documents", () => {
  it("keeps a problem document as it is", () => {
    const body = { type: "about:blank", title: "Gone", status: 404, detail: "No such document.", code: "not_found" };
    expect(toProblem(404, body)).toEqual(body);
  });

  it("makes one of a proxy's page or of nothing", () => {
    expect(toProblem(502, null)).toMatchObject({ status: 502, code: "unexpected" });
    expect(toProblem(401, "nope")).toMatchObject({ status: 401, code: "unauthenticated" });
  });

  it.each([
    [413, "The file is too large", "The file is larger than the server takes."],
    [502, "The server has a problem", "The server does not answer just now. Try again in a moment."],
    [418, "That did not work", "The server answered 418."],
  ])("says of a page with %i what to do", (status, title, detail) => {
    expect(explain(new ApiError(toProblem(status, "<html>")))).toMatchObject({ title, detail });
  });
});
