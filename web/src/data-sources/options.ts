/** What is typed for a connector's options, as the values that the server takes. Knows nothing of forms. */

import type { Connector, ConnectorOption } from "@/api/types";

/** Typed texts by option; a checkbox is "true" or "false". */
export type Typed = Readonly<Record<string, string>>;
export type Form = "text" | "number" | "lines" | "json" | "checkbox";

/** How an option is typed: told by its default, since that is of the kind that the server expects. */
export function formOf({ default: given, secret }: ConnectorOption): Form {
  if (secret) return "text";
  if (typeof given === "boolean") return "checkbox";
  if (typeof given === "number") return "number";
  if (Array.isArray(given)) return "lines";
  return typeof given === "object" && given !== null ? "json" : "text";
}

/** What stands in the field before anything is typed. */
export function initialText(option: ConnectorOption): string {
  const given: unknown = option.default;
  switch (formOf(option)) {
    case "checkbox":
    case "number":
      return String(given);
    case "lines":
      return (given as unknown[]).join("\n");
    case "json":
      return JSON.stringify(given) === "{}" ? "" : JSON.stringify(given);
    default:
      return typeof given === "string" ? given : "";
  }
}

/** "max_pages" reads "Max pages". */
export function labelOf({ name }: ConnectorOption): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export interface Collected {
  options: Record<string, unknown>;
  secrets: Record<string, string>;
}

/** Options and names of secrets; what was left empty or as it is by default is not said. Throws for malformed JSON. */
export function collected(connector: Connector, typed: Typed): Collected {
  const options: Record<string, unknown> = {};
  const secrets: Record<string, string> = {};
  for (const option of connector.options) {
    const text = (typed[option.name] ?? initialText(option)).trim();
    if (text === "" || (!option.required && text === initialText(option).trim())) continue;
    if (option.secret) secrets[option.name] = text;
    else options[option.name] = valueOf(option, text);
  }
  return { options, secrets };
}

function valueOf(option: ConnectorOption, text: string): unknown {
  switch (formOf(option)) {
    case "checkbox":
      return text === "true";
    case "number":
      return Number(text);
    case "lines":
      return text
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean);
    case "json":
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new Error(`${labelOf(option)} is not valid JSON.`);
      }
    default:
      return text;
  }
}
