/** Accounts and groups, for administrators. */

import { answered, server } from "./client";
import { wholeList } from "./pages";
import type { NewUser } from "./types";

const at = (user_id: string) => ({ path: { user_id } });
const member = (name: string, email: string) => ({ path: { name, email } });

export const listUsers = (email: string, cursor: string | null, signal?: AbortSignal) =>
  answered(server.GET("/v1/users", { params: { query: { email: email || null, limit: 100, cursor } }, signal }));
export const createUser = (user: NewUser) => answered(server.POST("/v1/users", { body: user }));
export const changeUser = (id: string, change: { is_admin?: boolean; disabled?: boolean }) =>
  answered(server.PATCH("/v1/users/{user_id}", { params: at(id), body: change }));
export const createSignInLink = (id: string) =>
  answered(server.POST("/v1/users/{user_id}/sign-in-links", { params: at(id) }));
export const listGroups = (signal?: AbortSignal) =>
  wholeList((cursor) => answered(server.GET("/v1/groups", { params: { query: { cursor } }, signal })));
export const addMember = (group: string, email: string) =>
  answered(server.PUT("/v1/groups/{name}/members/{email}", { params: member(group, email) }));
export const removeMember = (group: string, email: string) =>
  answered(server.DELETE("/v1/groups/{name}/members/{email}", { params: member(group, email) }));
