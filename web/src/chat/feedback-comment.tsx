/** What was wrong with an answer, in the reader's words. */

import { useState, type SyntheticEvent } from "react";
import { Button } from "@/ui/button";
import { TextField } from "@/ui/field";
import styles from "./answer-actions.module.css";

interface FeedbackCommentProps {
  onSend: (text: string) => void;
  /** What was sent is on its way; the words stay until the server has them. */
  busy: boolean;
  onClose: () => void;
}

export function FeedbackComment({ onSend, busy, onClose }: FeedbackCommentProps) {
  const [text, setText] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (text.trim()) onSend(text.trim());
    else onClose();
  };
  return (
    <form className={styles.comment} onSubmit={submit}>
      <TextField
        label="What was wrong? (optional)"
        placeholder="Out of date, off the point, a source is missing…"
        maxLength={2000}
        value={text}
        onChange={setText}
      />
      <Button small type="submit" busy={busy}>
        Send
      </Button>
      <Button small weight="ghost" onClick={onClose}>
        No, thanks
      </Button>
    </form>
  );
}
