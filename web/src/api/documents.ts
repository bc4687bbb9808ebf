/** Documents: lists, texts, states and grants. Uploading, which needs progress, is in `upload.ts`. */

import { answered, server } from "./client";
import type { DocumentState } from "./types";

export interface DocumentFilter {
  q: string;
  state: DocumentState | "";
}

const at = (document_id: string) => ({ path: { document_id } });

export const listDocuments = ({ q, state }: DocumentFilter, cursor: string | null, signal?: AbortSignal) =>
  answered(
    server.GET("/v1/documents", {
      params: { query: { q: q || null, state: state || null, limit: 50, cursor } },
      signal,
    }),
  );
/** Those of the documents that one may read or edit, at most 200. */
export const readDocuments = (ids: string[], signal?: AbortSignal) =>
  answered(server.GET("/v1/documents", { params: { query: { id: ids, limit: 200 } }, signal }));
export const readDocument = (id: string, signal?: AbortSignal) =>
  answered(server.GET("/v1/documents/{document_id}", { params: at(id), signal }));
export const readDocumentText = (id: string, version: number | null, signal?: AbortSignal) =>
  answered(server.GET("/v1/documents/{document_id}/text", { params: { ...at(id), query: { version } }, signal }));
export const deleteDocument = (id: string) =>
  answered(server.DELETE("/v1/documents/{document_id}", { params: at(id) }));
export const retryDocument = (id: string) =>
  answered(server.POST("/v1/documents/{document_id}/retry", { params: at(id) }));
export const setGrants = (id: string, grants: string[]) =>
  answered(server.PUT("/v1/documents/{document_id}/grants", { params: at(id), body: { grants } }));

/** Address of the original bytes. */
export const originalAddress = (id: string) => `/v1/documents/${encodeURIComponent(id)}/file`;

export interface PassageSpan {
  document_id: string;
  version: number;
  start: number;
  end: number;
}

/** Address, in this app, of a passage: offsets in code points. */
export function passageAddress({ document_id, version, start, end }: PassageSpan): string {
  return `/documents/${encodeURIComponent(document_id)}?version=${version}&start=${start}&end=${end}`;
}
