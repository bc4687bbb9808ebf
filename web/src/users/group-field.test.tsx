import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { GroupField } from "./group-field";
import { allGroups, type Groups } from "./group-names";

vi.mock("@/api/users", () => ({
  listGroups: () => Promise.resolve({ items: [{ name: "chr", members: 2 }] }),
}));

// A list that opens while one types is slow to draw where nothing is drawn.
vi.setConfig({ testTimeout: 20_000 });

const submitted = vi.fn();

function Form({ chosen = [] }: { chosen?: string[] }) {
  const [groups, setGroups] = useState<Groups>({ chosen, typed: "" });
  const [queries] = useState(() => new QueryClient());
  return (
    <QueryClientProvider client={queries}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submitted();
        }}
      >
        <GroupField groups={groups} onChange={setGroups} />
        <button>Save</button>
        <output data-testid="all">{JSON.stringify(allGroups(groups))}</output>
      </form>
    </QueryClientProvider>
  );
}

const all = () => JSON.parse(screen.getByTestId("all").textContent) as string[] | null;
const chip = (name: string) => screen.queryByLabelText(name);

beforeEach(() => submitted.mockReset());

describe("a person's groups", () => {
  it("take what is typed with Enter, and the form stays", async () => {
    render(<Form />);
    await userEvent.type(screen.getByLabelText("Groups"), "HR{Enter}");
    expect(chip("hr")).not.toBeNull();
    expect(chip("chr")).toBeNull();
    expect(submitted).not.toHaveBeenCalled();
  });

  it("keep one that is typed though it is there already", async () => {
    render(<Form chosen={["hr"]} />);
    await userEvent.type(screen.getByLabelText("Groups"), "hr{Enter}");
    expect(chip("hr")).not.toBeNull();
    expect(all()).toEqual(["hr"]);
  });

  it("keep what is typed when one goes on to the button", async () => {
    render(<Form />);
    await userEvent.type(screen.getByLabelText("Groups"), "hr");
    await userEvent.click(document.body);
    expect(all()).toEqual(["hr"]);
  });

  it("stay when Escape is pressed", async () => {
    render(<Form chosen={["hr", "legal"]} />);
    await userEvent.type(screen.getByLabelText("Groups"), "{Escape}{Escape}");
    expect(all()).toEqual(["hr", "legal"]);
  });

  it.each(["Human Resources", "a:b", "sales/../hr", ".."])("say why %s cannot be one", async (name) => {
    render(<Form />);
    await userEvent.type(screen.getByLabelText("Groups"), name);
    screen.getByText(/no spaces, commas and colons/);
    expect(all()).toBeNull();
  });
});
