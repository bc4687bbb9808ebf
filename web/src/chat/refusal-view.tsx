/** Nothing that the person may read answers the question: why, and what comes closest. */

import { BookX } from "lucide-react";
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
  model_unavailable: {
    title: "The language model is not available",
    detail: "The passages below come closest. Ask again in a few minutes for a written answer.",
  },
};

export function RefusalView({ turn }: { turn: Turn }) {
  const refusal = turn.answer?.refusal;
  const { title, detail } = WORDS[refusal?.reason ?? "no_evidence"];
  const closest = refusal?.closest ?? [];
  return (
    <div className={styles.refusal} data-testid="refusal" data-reason={refusal?.reason}>
      <Notice title={title} icon={<BookX size={16} aria-hidden="true" />}>
        {detail}
      </Notice>
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
