/** Media types in the words of those who use the files. */

const KINDS: Record<string, string> = {
  "application/pdf": "PDF",
  "text/plain": "Text",
  "text/markdown": "Markdown",
  "text/html": "Web page",
  "text/csv": "CSV",
  "message/rfc822": "E-mail",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
};

/** "PDF", "Word", …; empty for a type without a name of its own. */
export function kindOf(mediaType: string): string {
  return KINDS[mediaType.split(";")[0]?.trim().toLowerCase() ?? ""] ?? "";
}
