/** A turn's question, and the field to put it otherwise. */

import { Pencil } from "lucide-react";
import { useId, useState } from "react";
import { IconButton } from "@/ui/button";
import { useFocusBack } from "@/ui/kept-focus";
import { Composer } from "./composer";
import styles from "./question.module.css";

interface QuestionProps {
  question: string;
  /** Asks anew in these words. Undefined while an answer is arriving. */
  onAsk: ((question: string) => void) | undefined;
}

export function Question({ question, onAsk }: QuestionProps) {
  const [text, setText] = useState<string | null>(null);
  const edit = useFocusBack(text !== null);
  const note = useId();
  if (text !== null) {
    return (
      <div className={styles.editing} data-testid="editing">
        <h2 className="visually-hidden">{question}</h2>
        <Composer
          label="Edit question"
          describedBy={note}
          value={text}
          onChange={setText}
          onSubmit={(edited) => {
            setText(null);
            onAsk?.(edited);
          }}
          onCancel={() => setText(null)}
          busy={!onAsk}
        />
        <p id={note} className={styles.note}>
          The answer to this question and all that was asked after it will be replaced.
        </p>
      </div>
    );
  }
  return (
    <div className={styles.asked}>
      <h2 className={styles.question} dir="auto">
        {question}
      </h2>
      <IconButton
        ref={edit}
        label="Edit question"
        small
        className={styles.edit}
        data-testid="edit"
        disabled={!onAsk}
        onClick={() => setText(question)}
      >
        <Pencil size={14} />
      </IconButton>
    </div>
  );
}
