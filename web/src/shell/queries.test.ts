import { onlineManager } from "@tanstack/react-query";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, toProblem } from "@/api/problem";
import { createQueries } from "./queries";

vi.mock("./other-tabs", () => ({ onOtherTabs: vi.fn(), tellOtherTabs: vi.fn() }));

const refused = () => Promise.reject(new ApiError(toProblem(401, null)));

describe("the app's calls", () => {
  afterEach(() => onlineManager.setOnline(true));

  it("go out where the browser has no network: the server may be this machine", async () => {
    onlineManager.setOnline(false);
    const queries = createQueries();
    expect(await queries.query({ queryKey: ["x"], queryFn: () => 1 })).toBe(1);
    const mutation = queries.getMutationCache().build(queries, { mutationFn: () => Promise.resolve(2) });
    expect(await mutation.execute(undefined)).toBe(2);
  });

  it("end the session where it is over, but not where a sign-in is refused", async () => {
    const queries = createQueries();
    const mutate = (meta?: { signsIn: boolean }) =>
      queries.getMutationCache().build(queries, { mutationFn: refused, meta }).execute(undefined);
    queries.setQueryData(["me"], { id: "u1" });
    await expect(mutate({ signsIn: true })).rejects.toThrow();
    expect(queries.getQueryData(["me"])).toEqual({ id: "u1" });
    await expect(mutate()).rejects.toThrow();
    expect(queries.getQueryData(["me"])).toBeNull();
  });
});
