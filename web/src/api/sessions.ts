/** Who is signed in. */

import { answered, server } from "./client";

export const readMe = (signal?: AbortSignal) => answered(server.GET("/v1/me", { signal }));
export const readSignInMethods = (signal?: AbortSignal) => answered(server.GET("/v1/sessions/methods", { signal }));
export const signInWithToken = (token: string) => answered(server.POST("/v1/sessions", { body: { token } }));
export const signInWithPassword = (email: string, password: string) =>
  answered(server.POST("/v1/sessions", { body: { email, password } }));
export const signOut = () => answered(server.DELETE("/v1/sessions/current"));
export const setPassword = (password: string, current_password?: string) =>
  answered(server.PUT("/v1/me/password", { body: { password, current_password } }));
