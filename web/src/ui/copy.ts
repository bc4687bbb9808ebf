/** Copying text. Says so where it cannot be done. */

import { say } from "./toasts";

/** Whether the text was copied. Browsers give the clipboard to https and localhost only: elsewhere a selection does. */
export async function copyText(text: string): Promise<boolean> {
  const copied = window.isSecureContext ? await toClipboard(text) : false;
  if (copied || copySelected(text)) return true;
  say("It could not be copied. Select the text and copy it with the keyboard.");
  return false;
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copySelected(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "visually-hidden";
  // An open dialog keeps the focus to itself: the field must stand in it.
  (before?.closest("[role=dialog], [role=alertdialog]") ?? document.body).append(field);
  field.focus({ preventScroll: true });
  field.select();
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  }
}
