/** The question field. Enter sends, Shift+Enter makes a new line. */

import { ArrowUp, Square } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, type KeyboardEvent } from "react";
import { IconButton, Spinner } from "@/ui/button";
import styles from "./composer.module.css";

const LONGEST = 4000;

interface ComposerProps {
  value: string;
  onChange: (value: string) => void;
  onSubmit: (question: string) => void;
  /** Given while an answer is arriving: the send button becomes the stop button. */
  onStop?: () => void;
  busy?: boolean;
  placeholder?: string;
}

export function Composer({
  value,
  onChange,
  onSubmit,
  onStop,
  busy = false,
  placeholder = "Ask a question",
}: ComposerProps) {
  const field = useAutoHeight(value);
  useEffect(() => {
    // On a touch screen, focus would open the keyboard over the page.
    if (window.matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, [field]);
  const ready = value.trim() !== "" && !busy && !onStop;
  const submit = () => {
    if (!ready) return;
    onSubmit(value.trim());
    field.current?.focus({ preventScroll: true });
  };
  const keyDown = (event: KeyboardEvent) => {
    // Enter while an input method composes a character chooses that character.
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      submit();
    }
  };
  return (
    <form
      className={styles.composer}
      data-testid="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        className={styles.field}
        aria-label="Question"
        data-testid="question"
        rows={1}
        maxLength={LONGEST}
        enterKeyHint="send"
        placeholder={placeholder}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={keyDown}
      />
      {onStop ? (
        <IconButton label="Stop" weight="secondary" className={styles.button} data-testid="stop" onClick={onStop}>
          <Square size={13} fill="currentColor" />
        </IconButton>
      ) : (
        <IconButton
          label="Send"
          weight="primary"
          className={styles.button}
          data-testid="send"
          type="submit"
          disabled={!ready}
        >
          {busy ? <Spinner /> : <ArrowUp size={18} strokeWidth={2.25} />}
        </IconButton>
      )}
    </form>
  );
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
