/** A data source's state, schedule and last sync in words. Knows nothing of how they look. */

import type { DataSourceSetup, Sync } from "@/api/types";
import { countdown, duration, relative } from "@/text/time";

const STATES: Record<string, string> = {
  idle: "Up to date",
  waiting: "Waits for its turn",
  syncing: "Syncing",
  paused: "Paused",
  failed: "Failed",
  needs_confirmation: "Needs you",
};

const CONNECTORS: Record<string, string> = {
  upload: "Uploaded",
  folder: "Folder",
  web: "Web site",
  sitemap: "Sitemap",
  git: "Git repository",
  s3: "Bucket",
  imap: "Mailbox",
  mbox: "Mailbox file",
  confluence: "Confluence",
  notion: "Notion",
  llama_index: "LlamaIndex reader",
};

export const SCHEDULES = [
  { value: "900", label: "Every 15 minutes" },
  { value: "3600", label: "Every hour" },
  { value: "86400", label: "Every day" },
  { value: "604800", label: "Every week" },
  { value: "", label: "Only when asked" },
] as const;

export function stateWord(state: string): string {
  return STATES[state] ?? state;
}

export function connectorWord(connector: string | null): string {
  return connector === null ? "" : (CONNECTORS[connector] ?? connector);
}

/** Whether its state will change by itself, soon. */
export function isAtWork(setup: DataSourceSetup | null | undefined): boolean {
  return setup?.state === "syncing" || setup?.state === "waiting";
}

export function scheduleWord(every: number | null): string {
  if (every === null) return "Only when asked";
  return SCHEDULES.find(({ value }) => value === String(every))?.label ?? `Every ${duration(every)}`;
}

/** The choices of a schedule, its own among them. */
export function schedulesWith(every: number | null): { value: string; label: string }[] {
  const value = every === null ? "" : String(every);
  const known = SCHEDULES.some((one) => one.value === value);
  return known ? [...SCHEDULES] : [...SCHEDULES, { value, label: scheduleWord(every) }];
}

/** "Every hour, next in 12 min" */
export function nextWords({ every_s, next_sync_at, state }: DataSourceSetup, now: number): string {
  const schedule = scheduleWord(every_s);
  if (next_sync_at === null || state === "syncing" || state === "waiting") return schedule;
  return `${schedule}, next ${countdown(next_sync_at, now)}`;
}

/** "120 listed, 4 new, 2 changed": what is not zero; "nothing new in 1,200" where all of it is. */
export function counterWords({ counters, outcome }: Sync): string {
  const underWay = outcome === null ? (["listed", "fetched"] as const) : [];
  const said = [...underWay, "new", "changed", "moved", "deleted", "failed"] as const;
  const parts = said.map((part) => [counters[part] ?? 0, part] as const).filter(([count]) => count > 0);
  if (parts.length > 0) return parts.map(([count, part]) => `${count.toLocaleString("en")} ${part}`).join(", ");
  return outcome === null ? "" : `nothing new in ${(counters.listed ?? 0).toLocaleString("en")}`;
}

/** "Synced 3 minutes ago: 4 new, 1 failed" */
export function lastSyncWords(sync: Sync | null, now: number): string {
  if (sync === null) return "Not synced yet";
  const counted = counterWords(sync);
  if (sync.outcome === null) return counted;
  const when = sync.finished_at ? relative(sync.finished_at, now) : "";
  const verb = sync.outcome === "failed" ? "Tried" : sync.outcome === "stopped" ? "Stopped" : "Synced";
  return sync.outcome === "failed" ? `${verb} ${when}` : `${verb} ${when}: ${counted}`;
}
