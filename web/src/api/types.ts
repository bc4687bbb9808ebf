/** The server's values by their short names. The shapes are generated from its OpenAPI document (`npm run types`). */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Answer = Schemas["Answer"];
export type Citation = Schemas["Citation"];
export type Conversation = Schemas["Conversation"];
export type Connector = Schemas["Connector"];
export type ConnectorOption = Schemas["ConnectorOption"];
export type DataSource = Schemas["DataSource"];
export type DataSourceChange = Schemas["DataSourceChange"];
export type DataSourceSetup = Schemas["DataSourceSetup"];
export type NewDataSource = Schemas["NewDataSource"];
export type Sync = Schemas["Sync"];
export type Document = Schemas["Document"];
export type DocumentDetail = Schemas["DocumentDetail"];
export type DocumentText = Schemas["DocumentText"];
export type Explanation = Schemas["Explanation"];
export type LeftOut = Schemas["LeftOut"];
export type Me = Schemas["Me"];
export type Message = Schemas["Message"];
export type AdminStatus = Schemas["AdminStatus"];
export type QueueLength = Schemas["QueueLength"];
export type PageSpan = Schemas["PageSpan"];
export type Registered = Schemas["Registered"];
export type Sentence = Schemas["Sentence"];
export type SignInMethods = Schemas["SignInMethods"];
export type Source = Schemas["Source"];
export type User = Schemas["User"];
export type NewUser = Schemas["NewUser"];

/** One page of a list; `next_cursor` is null on the last. */
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/** What a document's `state` may be, for those that lists show. */
export const STATES = ["queued", "running", "ready", "failed", "quarantined"] as const;
export type DocumentState = (typeof STATES)[number];
