/** Data sources, for administrators: list, set up, sync, remove. */

import { answered, server } from "./client";
import { wholeList } from "./pages";
import type { DataSourceChange, NewDataSource } from "./types";

const at = (name: string) => ({ path: { name } });

export const listDataSources = (signal?: AbortSignal) =>
  wholeList((cursor) => answered(server.GET("/v1/data-sources", { params: { query: { cursor } }, signal })));
export const listConnectors = (signal?: AbortSignal) => answered(server.GET("/v1/connectors", { signal }));
export const addDataSource = (source: NewDataSource) => answered(server.POST("/v1/data-sources", { body: source }));
export const changeDataSource = (name: string, change: DataSourceChange) =>
  answered(server.PATCH("/v1/data-sources/{name}", { params: at(name), body: change }));
export const removeDataSource = (name: string, keepDocuments: boolean) =>
  answered(
    server.DELETE("/v1/data-sources/{name}", {
      params: { ...at(name), query: { keep_documents: keepDocuments, confirm: true } },
    }),
  );
export const syncDataSource = (name: string, confirm: boolean) =>
  answered(server.POST("/v1/data-sources/{name}/sync", { params: at(name), body: { confirm } }));
export const listFailedItems = (name: string, cursor: string | null, signal?: AbortSignal) =>
  answered(
    server.GET("/v1/data-sources/{name}/items", {
      params: { ...at(name), query: { state: "failed", limit: 50, cursor } },
      signal,
    }),
  );
