import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, it, vi } from "vitest";
import { allReaders, type Readers } from "./access";
import { GrantField } from "./grant-field";

vi.mock("@/shell/session", () => ({ useSignedIn: () => ({ email: "ana@example.com", groups: [] }) }));

function Form() {
  const [readers, setReaders] = useState<Readers>({ grants: [], typed: "" });
  return (
    <>
      <GrantField readers={readers} onChange={setReaders} />
      <output>{JSON.stringify(allReaders(readers))}</output>
    </>
  );
}

const field = () => screen.getByLabelText("Add a person or a group");
const readers = () => JSON.parse(screen.getByRole("status", { name: "" }).textContent) as string[] | null;

it("counts a reader who is typed and not added", async () => {
  render(<Form />);
  await userEvent.type(field(), "ben@example.com");
  expect(readers()).toEqual(["user:ben@example.com"]);
});

it("says why what is typed names nobody", async () => {
  render(<Form />);
  await userEvent.type(field(), "two words");
  screen.getByText(/names nobody/);
});

it.each([{ isComposing: true }, { keyCode: 229 }])("leaves Enter to the input method: %j", async (event) => {
  render(<Form />);
  await userEvent.type(field(), "hr");
  fireEvent.keyDown(field(), { key: "Enter", ...event });
  expect(screen.queryByTestId("grant")).toBeNull();
  fireEvent.keyDown(field(), { key: "Enter" });
  expect(screen.getByTestId("grant").textContent).toBe("hr (group)");
});

it("keeps the focus where a reader is removed, or added from what is proposed", async () => {
  render(<Form />);
  const box = screen.getByRole("group", { name: "Readers" });
  for (const name of ["+ Everyone", "Remove Everyone"]) {
    await userEvent.click(screen.getByRole("button", { name }));
    expect(document.activeElement).toBe(box);
  }
});
