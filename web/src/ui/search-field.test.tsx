import { act, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SearchField } from "./search-field";

const searched = vi.fn();

function List() {
  const [word, setWord] = useState("old");
  const search = (next: string) => {
    searched(next);
    setWord(next);
  };
  return (
    <>
      <SearchField label="Find" value={word} onChange={search} />
      <button onClick={() => setWord("")}>All</button>
    </>
  );
}

const field = () => screen.getByLabelText<HTMLInputElement>("Find");
const pause = () =>
  act(() => {
    vi.advanceTimersByTime(300);
  });

describe("a search field", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    searched.mockReset();
    render(<List />);
  });
  afterEach(() => vi.useRealTimers());

  it("gives on what was typed once typing pauses, and keeps it", () => {
    fireEvent.change(field(), { target: { value: "new " } });
    pause();
    expect(searched.mock.calls).toEqual([["new"]]);
    expect(field().value).toBe("new ");
    pause();
    expect(searched).toHaveBeenCalledTimes(1);
  });

  it("is empty where a link clears the search, and does not bring the old word back", () => {
    fireEvent.click(screen.getByText("All"));
    expect(field().value).toBe("");
    pause();
    expect(searched).not.toHaveBeenCalled();
  });
});
