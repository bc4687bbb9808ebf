/** Grants in words. `everyone`, `group:<name>` and `user:<e-mail>` are the server's strings. */

import type { Me } from "@/api/types";

export interface Choice {
  value: string;
  label: string;
}

const EVERYONE = "everyone";

export function grantLabel(grant: string): string {
  if (grant === EVERYONE) return "Everyone";
  if (grant.startsWith("group:")) return `${grant.slice("group:".length)} (group)`;
  if (grant.startsWith("user:")) return grant.slice("user:".length);
  return grant;
}

/** What was typed as a grant: an e-mail address is a person, another word a group. Null where it is neither. */
export function toGrant(typed: string): string | null {
  const text = typed.trim();
  if (text === "" || /\s/.test(text)) return null;
  if (text.toLowerCase() === EVERYONE) return EVERYONE;
  if (text.startsWith("group:") || text.startsWith("user:")) return text;
  return text.includes("@") ? `user:${text.toLowerCase()}` : `group:${text}`;
}

/** Who may read what one uploads: oneself, everyone, or one of one's groups. The first is without grants. */
export function uploadChoices(me: Me): Choice[] {
  const groups = me.groups.map((group) => ({ value: `group:${group}`, label: `Group ${group} may read` }));
  return [{ value: "", label: "Only I may read" }, { value: EVERYONE, label: "Everyone may read" }, ...groups];
}
