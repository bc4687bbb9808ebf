import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { describe, expect, it } from "vitest";
import type { Citation, Sentence, Source } from "@/api/types";
import { toBlocks } from "@/text/segments";
import { AnswerText } from "./answer-text";

const source: Source = {
  number: 1,
  document_id: "d1",
  version: 2,
  title: "Handbook <i>x</i>",
  url: "javascript:alert(1)",
  data_source: "policies",
  external_id: "handbook.pdf",
  page: 4,
  heading_path: ["Leave"],
  start: 100,
  end: 148,
  text: "Before it. Leave is 28 days. After it.",
  modified_at: null,
  superseded_by: null,
};
const citation: Citation = {
  source: 1,
  document_id: "d1",
  version: 2,
  start: 111,
  end: 128,
  quote: "Leave is 28 days.",
  support: 0.9,
};

function show(text: string, sentences: Sentence[] = []) {
  const blocks = toBlocks(text, sentences, new Set([1]));
  return render(
    <MemoryRouter>
      <AnswerText blocks={blocks} sources={[source]} settled />
    </MemoryRouter>,
  );
}

const whole = (text: string, status: Sentence["status"], citations: Citation[] = []): Sentence => ({
  text,
  start: 0,
  end: Array.from(text).length,
  status,
  citations,
});

describe("an answer's text", () => {
  it.each([
    "<script>alert(1)</script>",
    '<img src="x" onerror="alert(1)">',
    '<a href="javascript:alert(1)">x</a>',
    "<svg/onload=alert(1)>",
    "![x](https://evil.test/leak.png)",
    "[click](javascript:alert(1))",
    "<style>*{display:none}</style>",
    "&lt;b&gt;",
    "<iframe srcdoc='<script>alert(1)</script>'>",
  ])("shows %s as these very characters", (payload) => {
    for (const sentences of [[], [whole(payload, "no_claim")]]) {
      const { container, unmount } = show(payload, sentences);
      expect(container.textContent).toBe(payload);
      expect(container.querySelector("script, img, svg, style, iframe, [onerror], [onload]")).toBeNull();
      expect([...container.querySelectorAll("a")].filter((link) => !link.href.startsWith("https://"))).toEqual([]);
      unmount();
    }
  });

  it("links a citation to its quote in that version, and shows the quote when it has the focus", async () => {
    const text = "You have 28 days [1].";
    show(text, [whole(text, "supported", [citation])]);
    const link = screen.getByTestId("citation");
    expect(link.getAttribute("href")).toBe("/documents/d1?version=2&start=111&end=128");
    expect(link.getAttribute("aria-label")).toBe("Source 1: Handbook <i>x</i>, page 4");
    await userEvent.tab();
    const card = await screen.findByTestId("popover");
    expect(card.querySelector("mark")?.textContent).toBe("Leave is 28 days.");
    expect(card.textContent).toContain("Page 4");
    expect(card.querySelector("[href^='javascript']")).toBeNull();
  });

  it("marks a sentence that no passage supports", () => {
    const text = "Nobody said so.";
    show(text, [whole(text, "unsupported")]);
    expect(screen.getByTestId("sentence").dataset.status).toBe("unsupported");
    expect(screen.getByRole("button", { name: /no passage/i })).toBeTruthy();
  });
});
