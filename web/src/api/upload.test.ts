import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pathInFolder, upload } from "./upload";

/** As react-dropzone gives it. */
const lying = (path: string) =>
  Object.defineProperty(new File(["x"], path.split("/").at(-1) ?? ""), "path", { value: path });

class FakeRequest {
  static form: FormData | null = null;
  static answer: [number, string, boolean] = [202, "queued", true];
  upload = {};
  status = FakeRequest.answer[0];
  responseText = JSON.stringify({
    id: "d1",
    version: 2,
    state: FakeRequest.answer[1],
    new_version: FakeRequest.answer[2],
  });
  onload: () => void = () => undefined;
  open() {}
  setRequestHeader() {}
  getResponseHeader() {
    return "5";
  }
  send(form: FormData) {
    FakeRequest.form = form;
    this.onload();
  }
}

beforeEach(() => vi.stubGlobal("XMLHttpRequest", FakeRequest));
afterEach(() => vi.unstubAllGlobals());

async function metadataOf(file: File, grants: string[]): Promise<unknown> {
  await upload({ file, grants, signal: new AbortController().signal, onProgress: () => undefined });
  return JSON.parse(FakeRequest.form?.get("metadata") as string);
}

describe("sending a file", () => {
  it.each([
    ["/folder/a/README.md", "folder/a/README.md"],
    ["./folder/README.md", "folder/README.md"],
    ["./plan.pdf", null],
    ["/plan.pdf", null],
    ["plan.pdf", null],
  ])("with the path %s knows it by %j", (path, name) => {
    expect(pathInFolder(lying(path))).toBe(name);
  });

  it("keeps files of one name in different folders apart", async () => {
    expect(await metadataOf(lying("/f/a/README.md"), [])).toMatchObject({ external_id: "f/a/README.md" });
    expect(await metadataOf(lying("/f/b/README.md"), [])).toMatchObject({ external_id: "f/b/README.md" });
  });

  it("names no readers and no path where there are none", async () => {
    const metadata = await metadataOf(lying("./plan.pdf"), []);
    expect(metadata).not.toHaveProperty("grants");
    expect(metadata).not.toHaveProperty("external_id");
    expect(metadata).toMatchObject({ own_only: true });
  });

  it("names the readers that were chosen", async () => {
    expect(await metadataOf(lying("./plan.pdf"), ["user:ana@example.com"])).toMatchObject({
      grants: ["user:ana@example.com"],
    });
  });

  it.each<[number, string, boolean, string]>([
    [202, "queued", true, "sent"],
    [202, "queued", false, "updated"],
    [202, "ready", false, "updated"],
    [202, "running", false, "updated"],
    [200, "ready", false, "unchanged"],
    [200, "queued", false, "unchanged"],
  ])("tells new content from new readers: %i, %s, a new version %s: %s", async (status, state, isNew, outcome) => {
    FakeRequest.answer = [status, state, isNew];
    const signal = new AbortController().signal;
    const file = lying("plan.pdf");
    expect(await upload({ file, grants: [], signal, onProgress: () => undefined })).toMatchObject({ outcome });
  });

  it("says how long the server asks to wait", async () => {
    vi.spyOn(FakeRequest.prototype, "open").mockImplementation(function (this: FakeRequest) {
      this.status = 503;
    });
    await expect(metadataOf(lying("plan.pdf"), [])).rejects.toMatchObject({ status: 503, retryAfterMs: 5000 });
  });
});
