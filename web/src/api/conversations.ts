/** Conversations, their messages, how an answer was found, and what the reader thinks of it. */

import { answered, server } from "./client";
import { wholeList } from "./pages";

export type Rating = "up" | "down";

const at = (conversation_id: string) => ({ path: { conversation_id } });

export const listConversations = (cursor: string | null, signal?: AbortSignal) =>
  answered(server.GET("/v1/conversations", { params: { query: { limit: 50, cursor } }, signal }));
/** A conversation without a title: the server makes one of its first question. */
export const startConversation = () => answered(server.POST("/v1/conversations", { body: {} }));
export const listMessages = (id: string, signal?: AbortSignal) =>
  wholeList((cursor) =>
    answered(
      server.GET("/v1/conversations/{conversation_id}/messages", { params: { ...at(id), query: { cursor } }, signal }),
    ),
  );
export const renameConversation = (id: string, title: string) =>
  answered(server.PATCH("/v1/conversations/{conversation_id}", { params: at(id), body: { title } }));
export const deleteConversation = (id: string) =>
  answered(server.DELETE("/v1/conversations/{conversation_id}", { params: at(id) }));
export const rateAnswer = (answer_id: string, rating: Rating, comment?: string) =>
  answered(
    server.POST("/v1/answers/{answer_id}/feedback", { params: { path: { answer_id } }, body: { rating, comment } }),
  );
export const explainAnswer = (answer_id: string, signal?: AbortSignal) =>
  answered(server.GET("/v1/answers/{answer_id}/explain", { params: { path: { answer_id } }, signal }));
