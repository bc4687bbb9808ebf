/** Nothing that the person may read answers the question: why, and what comes closest. */

import { BookX, CircleHelp } from "lucide-react";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { SourceCard } from "./source-card";
import type { Turn } from "./turns";
import styles from "./refusal-view.module.css";

const WORDS = {
  no_evidence: {
    title: "No document that you may read answers this",
    detail:
      "So there is no answer rather than a guess. Other words may find it, or a document that holds the answer is not open to you.",
  },
  unclear_question: {
    title: "The question is not clear enough to search for",
    detail: "Say what it is about in a full sentence: the subject, the place or the product.",
  },
  which_one: {
    title: "Which one do you mean?",
    detail:
      "Nothing that you may read answers this as it is asked, but several documents may be meant. Choose one to ask again with its name.",
  },
  model_unavailable: {
    title: "The language model is not available",
    detail: "The passages below come closest. Ask again in a few minutes for a written answer.",
  },
};

interface RefusalViewProps {
  turn: Turn;
  /** Asks anew in the place of this turn. Undefined while an answer is arriving. */
  onAsk: ((question: string) => void) | undefined;
}

export function RefusalView({ turn, onAsk }: RefusalViewProps) {
  const refusal = turn.answer?.refusal;
  const closest = refusal?.closest ?? [];
  const asksBack = refusal?.reason === "unclear_question" && closest.length > 0;
  const { title, detail } = WORDS[asksBack ? "which_one" : (refusal?.reason ?? "no_evidence")];
  return (
    <div className={styles.refusal} data-testid="refusal" data-reason={refusal?.reason}>
      <Notice
        title={title}
        icon={asksBack ? <CircleHelp size={16} aria-hidden="true" /> : <BookX size={16} aria-hidden="true" />}
      >
        {detail}
      </Notice>
      {asksBack && (
        <ul className={styles.choices}>
          {closest.map((source) => (
            <li key={source.number}>
              <Button dir="auto" disabled={!onAsk} onClick={() => onAsk?.(`${turn.question} (${source.title})`)}>
                {source.title}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {closest.length > 0 && (
        <section>
          <h3 className={styles.title}>Closest passages</h3>
          <ol className={styles.cards}>
            {closest.map((source) => (
              <SourceCard key={source.number} source={source} />
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}
