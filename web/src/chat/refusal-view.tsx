/** Nothing that the person may read answers the question: why, and what comes closest. */

import { BookX, CircleHelp } from "lucide-react";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { asksBack, refusalWords } from "./refusal-words";
import { SourceCard } from "./source-card";
import type { Turn } from "./turns";
import styles from "./refusal-view.module.css";

interface RefusalViewProps {
  turn: Turn;
  /** Asks anew in the place of this turn. Undefined while an answer is arriving. */
  onAsk: ((question: string) => void) | undefined;
}

export function RefusalView({ turn, onAsk }: RefusalViewProps) {
  const refusal = turn.answer?.refusal;
  const closest = refusal?.closest ?? [];
  const asks = asksBack(refusal);
  const { title, detail } = refusalWords(refusal);
  return (
    <div className={styles.refusal} data-testid="refusal" data-reason={refusal?.reason}>
      <Notice
        title={title}
        icon={asks ? <CircleHelp size={16} aria-hidden="true" /> : <BookX size={16} aria-hidden="true" />}
      >
        {detail}
      </Notice>
      {asks && (
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
