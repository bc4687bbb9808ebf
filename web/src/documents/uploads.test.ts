import { renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, ConnectionLost, toProblem } from "@/api/problem";
import { upload, type Uploaded } from "@/api/upload";
import * as uploads from "./uploads";
import type { UploadItem } from "./uploads";

vi.mock("@/api/upload", async (original) => ({ ...(await original<object>()), upload: vi.fn() }));

const sent = vi.mocked(upload);
const ana = { id: "ana", onSent: vi.fn(), onSignedOut: vi.fn() };
const ARRIVED: Uploaded = { id: "d1", version: 1, state: "queued", job_id: "j1", new_version: true, outcome: "sent" };
const refused = (status: number, wait: number | null = null) => new ApiError(toProblem(status, null), wait);
/** As react-dropzone gives it. */
const file = (name: string) => Object.assign(new File(["x"], name), { path: `./${name}` });
const PASSING: [string, Error, number][] = [
  ["a lost connection", new ConnectionLost(), 2_000],
  ["too many requests", refused(429, 7_000), 7_000],
  ["a part that is not available", refused(503, 5_000), 5_000],
];
const forever = () => new Promise<never>(() => undefined);

function items(): readonly UploadItem[] {
  return renderHook(() => uploads.useUploads()).result.current;
}

const states = () => items().map(({ state }) => state);

function mayBeLeft(): boolean {
  return window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  sent.mockReset().mockResolvedValue(ARRIVED);
  uploads.sendAs(ana);
});

afterEach(() => {
  uploads.sendAs({ ...ana, id: "nobody" });
  vi.useRealTimers();
});

describe("files on their way", () => {
  it.each(PASSING)("are sent again after %s", async (_what, error, wait) => {
    sent.mockRejectedValueOnce(error);
    uploads.sendFiles([file("a.txt")], []);
    await vi.advanceTimersByTimeAsync(wait - 1);
    expect(sent).toHaveBeenCalledTimes(1);
    expect(items()[0]).toMatchObject({ state: "sending", error });
    await vi.advanceTimersByTimeAsync(1);
    expect(items()[0]).toMatchObject({ state: "sent", version: 1, error: null });
  });

  it("are given up after three more tries, and sent again by hand", async () => {
    sent.mockRejectedValue(refused(503));
    uploads.sendFiles([file("a.txt")], []);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toHaveBeenCalledTimes(4);
    expect(states()).toEqual(["failed"]);
    sent.mockResolvedValue(ARRIVED);
    uploads.sendFailedAgain();
    await vi.advanceTimersByTimeAsync(0);
    expect(states()).toEqual(["sent"]);
  });

  it("are not sent again where the server would refuse them again", async () => {
    sent.mockRejectedValue(refused(413));
    uploads.sendFiles([file("a.txt")], []);
    await vi.advanceTimersByTimeAsync(60_000);
    uploads.sendFailedAgain();
    expect(sent).toHaveBeenCalledTimes(1);
    expect(states()).toEqual(["failed"]);
  });

  it("wait when the session has ended, for the same person", async () => {
    sent.mockRejectedValueOnce(refused(401));
    uploads.sendFiles([file("a.txt")], []);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ana.onSignedOut).toHaveBeenCalledTimes(1);
    expect(states()).toEqual(["waiting"]);
    uploads.sendAs(ana);
    await vi.advanceTimersByTimeAsync(0);
    expect(states()).toEqual(["sent"]);
  });

  it("are not sent by somebody else who signs in", async () => {
    sent.mockRejectedValueOnce(refused(401));
    uploads.sendFiles([file("a.txt")], []);
    await vi.advanceTimersByTimeAsync(0);
    uploads.sendAs({ ...ana, id: "ben" });
    await vi.advanceTimersByTimeAsync(0);
    expect(items()).toEqual([]);
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it("are all stopped at once, and none of those that wait begins", () => {
    sent.mockImplementation(forever);
    uploads.sendFiles(["a", "b", "c", "d", "e"].map(file), []);
    const signals = sent.mock.calls.map(([{ signal }]) => signal);
    uploads.stopAll();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(items()).toEqual([]);
    expect(sent).toHaveBeenCalledTimes(3);
  });

  it("stay on the list when the others are cleared, where they can be sent again", async () => {
    sent.mockRejectedValueOnce(refused(422)).mockRejectedValueOnce(refused(500));
    uploads.sendFiles([file("bad.txt"), file("later.txt"), file("good.txt")], []);
    await vi.advanceTimersByTimeAsync(0);
    uploads.dismissSettled();
    expect(items().map(({ name }) => name)).toEqual(["later.txt"]);
  });

  it("are abandoned with the person whose they were, and nothing asks before the page is left", () => {
    sent.mockImplementation(forever);
    uploads.sendFiles(["a", "b", "c", "d"].map(file), []);
    const signals = sent.mock.calls.map(([{ signal }]) => signal);
    uploads.abandonUploads();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(items()).toEqual([]);
    expect(mayBeLeft()).toBe(true);
  });

  it("keep the page from being left unasked, until they have arrived", async () => {
    expect(mayBeLeft()).toBe(true);
    uploads.sendFiles([file("a.txt")], []);
    expect(mayBeLeft()).toBe(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(mayBeLeft()).toBe(true);
  });

  it("report their progress five times a second at most", async () => {
    sent.mockImplementation(forever);
    uploads.sendFiles([file("a.txt")], []);
    const progress = sent.mock.calls[0]?.[0].onProgress;
    progress?.(0.1);
    progress?.(0.2);
    expect(items()[0]?.progress).toBe(0.1);
    await vi.advanceTimersByTimeAsync(200);
    progress?.(0.3);
    expect(items()[0]?.progress).toBe(0.3);
  });
});
