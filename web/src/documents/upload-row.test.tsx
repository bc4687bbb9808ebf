import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { UploadRow } from "./upload-row";
import type { UploadItem } from "./uploads";

const ARRIVED: UploadItem = {
  key: 1,
  file: new File([], "plan.pdf"),
  name: "plan.pdf",
  grants: ["everyone"],
  state: "sent",
  progress: 1,
  id: "d1",
  version: 3,
  error: null,
};

it.each<[UploadItem["state"], RegExp]>([
  ["sent", /^Replaced version 2/],
  ["updated", /^Already here.*readers/],
  ["unchanged", /^Already here, word for word.$/],
])("says of a file that was %s what became of it", (state, words) => {
  render(<UploadRow item={{ ...ARRIVED, state }} document={undefined} />);
  expect(screen.getByText(words)).toBeTruthy();
  if (state !== "sent") expect(screen.queryByText(/Replaced/)).toBeNull();
});
