import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Explanation } from "@/api/types";
import { HowFound } from "./how-found";
import { countWords, evidenceWords, timeWords } from "./how-found-words";

/** The client takes `fetch` when it is loaded: so this comes first. */
const server = vi.hoisted(() => {
  const state = { asked: [] as string[], status: 200, body: {} as unknown };
  vi.stubGlobal("fetch", (request: Request): Promise<Response> => {
    state.asked.push(new URL(request.url).pathname);
    return Promise.resolve(Response.json(state.body, { status: state.status }));
  });
  return state;
});

const hit = {
  rank: 1,
  score: 0.03,
  document_id: "d1",
  version: 2,
  title: "Leave <i>policy</i>",
  page: 4,
  start: 10,
  end: 40,
  dense_rank: 2,
  dense_score: 0.8,
  sparse_rank: null,
  fused_rank: 3,
};
const explanation: Explanation = {
  recorded: true,
  query: "annual leave in the Heron team",
  hits: [hit, { ...hit, rank: 3, title: "Handbook", page: null, sparse_rank: 1 }],
  withheld: 1,
  dropped: 0,
  timings_ms: { embed: 8.13, search: 30.4 },
  answer: {
    outcome: "answered",
    mode: "extractive",
    refusal: null,
    sufficiency: 0.831,
    threshold: 0.45,
    prompt_version: null,
    usage: { llm_calls: 0, prompt_tokens: 0, completion_tokens: 0 },
    timings_ms: { rewrite: 0, retrieve: 1, rerank: 1, first_text: 1, total: 3 },
  },
};

async function look() {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MemoryRouter>
        <HowFound answerId="a1" />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByRole("button", { name: "How was this found?" }));
}

beforeEach(() => Object.assign(server, { asked: [], status: 200, body: explanation }));

describe("how an answer was found", () => {
  it("is asked for when somebody looks, and not before", async () => {
    render(
      <QueryClientProvider client={new QueryClient()}>
        <MemoryRouter>
          <HowFound answerId="a1" />
        </MemoryRouter>
      </QueryClientProvider>,
    );
    expect(server.asked).toEqual([]);
    await userEvent.click(screen.getByTestId("how-found"));
    await screen.findAllByTestId("place");
    expect(server.asked).toEqual(["/v1/answers/a1/explain"]);
  });

  it("shows each passage's places, with a dash where a search did not find it", async () => {
    await look();
    const rows = await screen.findAllByTestId("place");
    expect(rows.map((row) => [...row.children].map((cell) => cell.textContent))).toEqual([
      ["1", "Leave <i>policy</i>, page 4", "2", "–", "3"],
      ["3", "Handbook", "2", "1", "3"],
    ]);
    expect(screen.getByText("annual leave in the Heron team")).toBeTruthy();
    expect(screen.getByTestId("explanation").textContent).toContain("1 passage that you may no longer read");
  });

  it("says of an older answer that nothing was kept", async () => {
    server.body = { ...explanation, recorded: false, query: null, hits: [], dropped: null };
    await look();
    expect((await screen.findByText(/from before/)).textContent).toContain("This answer");
    expect(screen.queryByTestId("place")).toBeNull();
  });

  it("says what went wrong", async () => {
    server.status = 404;
    server.body = { title: "Not found", status: 404, detail: "There is no such answer.", code: "not_found" };
    await look();
    expect(await screen.findByTestId("error")).toBeTruthy();
  });
});

describe("its words", () => {
  it("names evidence only where there was some", () => {
    expect(evidenceWords(explanation)).toBe("Evidence 0.83, and an answer needs 0.45.");
    expect(evidenceWords({ ...explanation, answer: null })).toBe("");
  });

  it("counts what is not shown", () => {
    expect(countWords({ ...explanation, withheld: 0 })).toBe("");
    expect(countWords({ ...explanation, withheld: 2, dropped: 1 })).toBe(
      "2 passages that you may no longer read are not shown. 1 passage was no longer current and left out.",
    );
  });

  it("adds up whatever steps there were", () => {
    expect(timeWords(explanation)).toBe("The search took 39 ms: embed 8.1 ms, search 30 ms.");
    expect(timeWords({ ...explanation, timings_ms: {} })).toBe("");
  });
});
