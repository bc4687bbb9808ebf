/** Sending one file, with progress: `fetch` cannot report how much has gone out, so this is an XMLHttpRequest. */

import { ApiError, ConnectionLost, toProblem } from "./problem";
import type { Registered } from "./types";

/** What became of a file: a version to be read; of the same bytes at most other readers or another date; nothing new. */
export type Outcome = "sent" | "updated" | "unchanged";

export interface Uploaded extends Registered {
  outcome: Outcome;
}

/** A file with the path that it had in a folder which was dropped or chosen, as react-dropzone notes it. */
export type FileWithPath = File & { readonly path?: string };

interface Sending {
  file: FileWithPath;
  grants: string[];
  signal: AbortSignal;
  onProgress: (fraction: number) => void;
}

/** "folder/a/README.md" for a file that came with its folder, null for one that came alone. */
export function pathInFolder(file: FileWithPath): string | null {
  const parts = (file.path ?? file.webkitRelativePath).split("/").filter((part) => part !== "" && part !== ".");
  return parts.length > 1 ? parts.join("/") : null;
}

export function upload({ file, grants, signal, onProgress }: Sending): Promise<Uploaded> {
  const form = new FormData();
  const path = pathInFolder(file);
  const metadata = {
    modified_at: new Date(file.lastModified).toISOString(),
    // An administrator may change everybody's documents; a file that is dropped here is no version of somebody else's.
    own_only: true,
    // By its name alone, a README.md would become a new version of the one in another folder.
    ...(path !== null && { external_id: path }),
    ...(grants.length > 0 && { grants }),
  };
  form.set("metadata", JSON.stringify(metadata));
  form.set("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/documents");
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status === 200 || request.status === 202) {
        const registered = body as Registered;
        resolve({ ...registered, outcome: outcomeOf(request.status, registered) });
      } else {
        const wait = request.getResponseHeader("Retry-After");
        reject(new ApiError(toProblem(request.status, body), toMilliseconds(wait)));
      }
    };
    request.onerror = () => reject(new ConnectionLost("The upload broke off."));
    request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** The state says nothing of it: the same bytes, sent before, may be in the queue still. */
function outcomeOf(status: number, { new_version }: Registered): Outcome {
  if (status === 200) return "unchanged";
  return new_version ? "sent" : "updated";
}

/** Of "5". The other form, a date, is not one that our server gives. */
function toMilliseconds(seconds: string | null): number | null {
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
