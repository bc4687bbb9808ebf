/** Grants in words. `everyone`, `group:<name>` and `user:<e-mail>` are the server's strings. */

import type { Document, Me } from "@/api/types";

export interface Choice {
  value: string;
  label: string;
}

/** Readers as somebody puts them together: those added, and what is typed for the next one. */
export interface Readers {
  grants: string[];
  typed: string;
}

const EVERYONE = "everyone";
/** What the server takes. */
const GRANT = /^(?:everyone|(?:user|group):[^\s:,]{1,199})$/;

export function grantLabel(grant: string): string {
  if (grant === EVERYONE) return "Everyone";
  if (grant.startsWith("group:")) return `${grant.slice("group:".length)} (group)`;
  if (grant.startsWith("user:")) return grant.slice("user:".length);
  return grant;
}

/** What was typed as a grant: an e-mail address is a person, another word a group. Null where it is neither. */
export function toGrant(typed: string): string | null {
  const text = typed.trim();
  const grant = /^(?:everyone|user:.*|group:.*)$/i.test(text)
    ? text.toLowerCase()
    : text.includes("@")
      ? `user:${text.toLowerCase()}`
      : `group:${text}`;
  return GRANT.test(grant) ? grant : null;
}

/** The readers with the one that is typed and not added yet; null where what is typed names nobody. */
export function allReaders({ grants, typed }: Readers): string[] | null {
  if (typed.trim() === "") return grants;
  const grant = toGrant(typed);
  return grant === null ? null : [...new Set([...grants, grant])];
}

/** Whether there is a version that this person may read: editors also see documents that they only manage. */
export function isReadable({ ready_at, grants }: Pick<Document, "ready_at" | "grants">, me: Me): boolean {
  return ready_at !== null && (!grants || grants.some((grant) => me.grants.includes(grant)));
}

/**
 * Who may read what one uploads. The first sends no grants: the server then keeps those that a document of this name
 * has, and a new one to its uploader. So "only I" must be said, or a file sent again stays open to all who read it.
 */
export function uploadChoices(me: Me): Choice[] {
  const groups = me.groups.map((group) => ({ value: `group:${group}`, label: `Group ${group} may read` }));
  return [
    { value: "", label: "As before; new files only I" },
    { value: `user:${me.email}`, label: "Only I may read" },
    { value: EVERYONE, label: "Everyone may read" },
    ...groups,
  ];
}
