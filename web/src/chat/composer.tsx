/** The question field. Enter sends, Shift+Enter makes a new line; Escape leaves it where it edits a question. */

import { ArrowUp, Square, X } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, type KeyboardEvent } from "react";
import { IconButton, Spinner } from "@/ui/button";
import { isComposing } from "@/ui/composing";
import styles from "./composer.module.css";

const LONGEST = 4000;

interface ComposerProps {
  value: string;
  onChange: (value: string) => void;
  onSubmit: (question: string) => void;
  /** Given while an answer is arriving: the send button becomes the stop button. */
  onStop?: () => void;
  /** Given where an earlier question is edited. */
  onCancel?: () => void;
  /** Whether the field is what the person asked for just now, by a touch too. Default: only where no keyboard opens. */
  takesFocus?: boolean;
  label?: string;
  /** Id of what else is to be known before sending. */
  describedBy?: string;
  busy?: boolean;
  placeholder?: string;
}

export function Composer({
  value,
  onChange,
  onSubmit,
  onStop,
  onCancel,
  takesFocus,
  label = "Question",
  describedBy,
  busy = false,
  placeholder = "Ask a question",
}: ComposerProps) {
  const field = useAutoHeight(value);
  useEffect(() => {
    // On a touch screen, focus would open the keyboard over the page.
    if (!(takesFocus ?? window.matchMedia("(pointer: fine)").matches)) return;
    field.current?.focus({ preventScroll: true });
    field.current?.setSelectionRange(LONGEST, LONGEST);
  }, [field, takesFocus]);
  const ready = value.trim() !== "" && !busy && !onStop;
  const submit = () => {
    if (!ready) return;
    // Before it is sent: whoever takes the question may move the focus on.
    field.current?.focus({ preventScroll: true });
    onSubmit(value.trim());
  };
  const keyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
    if (event.key === "Escape") onCancel?.();
  };
  return (
    <form
      className={styles.composer}
      data-testid="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (onStop) onStop();
        else submit();
      }}
    >
      <textarea
        ref={field}
        className={styles.field}
        aria-label={label}
        aria-describedby={describedBy}
        data-testid="question"
        dir="auto"
        rows={1}
        maxLength={LONGEST}
        enterKeyHint="send"
        placeholder={placeholder}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={keyDown}
      />
      {onCancel && (
        <IconButton label="Cancel" className={styles.button} onClick={onCancel}>
          <X size={16} />
        </IconButton>
      )}
      <IconButton
        label={onStop ? "Stop" : "Send"}
        weight={onStop ? "secondary" : "primary"}
        className={styles.button}
        data-testid={onStop ? "stop" : "send"}
        type="submit"
        // Never disabled in earnest: it would lose the focus as an answer ends.
        aria-disabled={!ready && !onStop}
      >
        <Mark stops={onStop !== undefined} busy={busy} />
      </IconButton>
    </form>
  );
}

function Mark({ stops, busy }: { stops: boolean; busy: boolean }) {
  if (stops) return <Square size={13} fill="currentColor" />;
  return busy ? <Spinner /> : <ArrowUp size={18} strokeWidth={2.25} />;
}

/** The field is as high as its text, up to the maximum that the style sheet sets. */
function useAutoHeight(value: string) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [value]);
  return field;
}
