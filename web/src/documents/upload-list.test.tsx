import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it } from "vitest";
import { UploadList } from "./upload-list";
import { abandonUploads, sendFiles } from "./uploads";

afterEach(abandonUploads);

function show() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <UploadList />
    </QueryClientProvider>,
  );
}
/** As react-dropzone gives it. */
const file = (name: string) => Object.assign(new File(["x"], name), { path: `./${name}` });
// Nobody is signed in: they wait.
const send = (...names: string[]) => act(() => sendFiles(names.map(file), []));

it("says how many files are sent where nothing was before", () => {
  show();
  const status = screen.getByRole("status");
  expect(status.textContent).toBe("");
  send("a.txt");
  expect(status.textContent).toBe("Sending 1 file…");
});

it("keeps the focus where a file is taken off it, the last one too", async () => {
  show();
  send("a.txt", "b.txt");
  for (const name of ["a.txt", "b.txt"]) {
    await userEvent.click(screen.getByRole("button", { name: `Take ${name} off this list` }));
    expect(document.activeElement).toBe(screen.getByRole("group", { name: "Files sent" }));
  }
});
