import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { LeftOutNotice } from "./left-out";

const PARTS = [
  { part: "scans/map.png", reason: "It is a picture." },
  { part: "Re: <b>offer</b>.pdf", reason: "The PDF is damaged." },
  { part: "", reason: "old.zip: It is encrypted." },
];

describe("what a document's text lacks", () => {
  it("is not mentioned where nothing was left out", () => {
    const { container } = render(<LeftOutNotice left_out={[]} hidden_chars={0} />);
    expect(container.childElementCount).toBe(0);
  });

  it("is counted, and listed with reasons when one asks", async () => {
    render(<LeftOutNotice left_out={PARTS} hidden_chars={0} />);
    const details = screen.getByRole<HTMLDetailsElement>("group");
    expect(details.open).toBe(false);
    await userEvent.click(screen.getByText("3 parts were left out"));
    expect(details.open).toBe(true);
    const lines = screen.getAllByRole("listitem", { hidden: true }).map(({ textContent }) => textContent.trim());
    expect(lines).toEqual([
      "scans/map.png It is a picture.",
      "Re: <b>offer</b>.pdf The PDF is damaged.",
      "old.zip: It is encrypted.",
    ]);
    expect(screen.getByTestId("left-out").textContent).not.toContain("hidden");
  });

  it.each([
    [1, "1 hidden character was left out"],
    [212, "212 hidden characters were left out"],
    [12345, "12,345 hidden characters were left out"],
  ])("says of %i hidden characters: %s", (hidden_chars, words) => {
    render(<LeftOutNotice left_out={[]} hidden_chars={hidden_chars} />);
    expect(screen.getByTestId("left-out").textContent).toBe(words);
  });
});
