/** How the server gets on: the queue for everybody, the whole status for administrators. */

import { answered, server } from "./client";

export const readQueue = (signal?: AbortSignal) => answered(server.GET("/v1/queue", { signal }));
export const readStatus = (signal?: AbortSignal) => answered(server.GET("/v1/admin/status", { signal }));
