/** Names of groups: what the server takes, and those chosen for a person. Knows nothing of how they look. */

/** Groups as somebody puts them together: those chosen, and what is typed for the next one. */
export interface Groups {
  chosen: string[];
  typed: string;
}

/** What a grant can name and an address can carry. */
const NAME = /^[^\s:,]{1,199}$/;

/** What was typed as a group's name: the server keeps them in small letters. */
export function toGroup(typed: string): string {
  return typed.trim().toLowerCase();
}

/** Why this cannot be a group's name, and what to do; null where it can. */
export function groupProblem(name: string): string | null {
  const isPath = name.split("/").some((part) => part === "." || part === "..");
  if (NAME.test(name) && !isPath) return null;
  return "A group's name has at most 199 characters and no spaces, commas and colons: write human-resources.";
}

/** The groups with the one that is typed and not chosen yet; null where what is typed cannot be one. */
export function allGroups({ chosen, typed }: Groups): string[] | null {
  const name = toGroup(typed);
  if (name === "" || chosen.includes(name)) return chosen;
  return groupProblem(name) === null ? [...chosen, name] : null;
}
