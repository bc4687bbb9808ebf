/** Sending one file, with progress: `fetch` cannot report how much has gone out, so this is an XMLHttpRequest. */

import { ApiError, ConnectionLost, toProblem } from "./problem";
import type { Registered } from "./types";

export interface Uploaded extends Registered {
  /** The server held the very same bytes and grants already. */
  unchanged: boolean;
}

interface Sending {
  file: File;
  grants: string[];
  signal: AbortSignal;
  onProgress: (fraction: number) => void;
}

export function upload({ file, grants, signal, onProgress }: Sending): Promise<Uploaded> {
  const form = new FormData();
  // Without grants the server keeps the document to its uploader.
  const metadata = { modified_at: new Date(file.lastModified).toISOString(), ...(grants.length && { grants }) };
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
        resolve({ ...(body as Registered), unchanged: request.status === 200 });
      } else {
        reject(new ApiError(toProblem(request.status, body)));
      }
    };
    request.onerror = () => reject(new ConnectionLost("The upload broke off."));
    request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
