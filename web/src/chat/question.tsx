/** A turn's question, and the field to put it otherwise. What was written there is there again for who comes back. */

import { Pencil } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { IconButton } from "@/ui/button";
import { useFocusBack } from "@/ui/kept-focus";
import { Composer } from "./composer";
import { moveDraft, useDraft } from "./drafts";
import styles from "./question.module.css";

interface QuestionProps {
  question: string;
  /** The key of what is written in the field and not asked yet. */
  draft: string;
  /** The key of what was written there before the question had its answer. */
  earlier: string;
  /** Asks anew in these words. Undefined while an answer is arriving. */
  onAsk: ((question: string) => void) | undefined;
}

export function Question({ question, draft, earlier, onAsk }: QuestionProps) {
  const [kept, keep] = useMovingDraft(draft, earlier);
  const [text, setText] = useState(kept || null);
  const [opened, setOpened] = useState(false);
  const edit = useFocusBack(text !== null);
  const note = useId();
  const write = (next: string | null) => {
    setText(next);
    keep(next === null || next === question ? "" : next);
  };
  if (text !== null) {
    return (
      <div className={styles.editing} data-testid="editing">
        <h2 className="visually-hidden">{question}</h2>
        <Composer
          label="Edit question"
          describedBy={note}
          value={text}
          onChange={write}
          onSubmit={(edited) => {
            write(null);
            onAsk?.(edited);
          }}
          onCancel={() => write(null)}
          takesFocus={opened}
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
        onClick={() => {
          setOpened(true);
          setText(question);
        }}
      >
        <Pencil size={14} />
      </IconButton>
    </div>
  );
}

/** A draft that goes along to the turn's later key: the answer of a stopped question may be found after all. */
function useMovingDraft(key: string, earlier: string): ReturnType<typeof useDraft> {
  const [kept, keep] = useDraft(key);
  const [before] = useDraft(earlier);
  useEffect(() => {
    if (earlier !== key) moveDraft(earlier, key);
  }, [key, earlier]);
  return [kept || before, keep];
}
