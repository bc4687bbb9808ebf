/** One turn: the question, the answer as far as it has come, and beside it the sources. */

import { useMemo, useState, type ReactNode } from "react";
import { ApiError } from "@/api/problem";
import { toBlocks } from "@/text/segments";
import { Button } from "@/ui/button";
import { ErrorNotice, Notice, Skeleton } from "@/ui/notice";
import { AnswerActions } from "./answer-actions";
import { AnswerNotices } from "./answer-notices";
import { AnswerText } from "./answer-text";
import { HowFound } from "./how-found";
import { Question } from "./question";
import { RefusalView } from "./refusal-view";
import { SourceList } from "./source-list";
import { ActiveSource } from "./active-source";
import type { Turn } from "./turns";
import styles from "./turn-view.module.css";

interface TurnViewProps {
  /** The conversation that the turn is in. */
  conversation: string;
  turn: Turn;
  last: boolean;
  /** Asks anew in the place of this turn. Undefined while an answer is arriving. */
  onAsk: ((question: string) => void) | undefined;
  /** Reads the conversation anew where it went on elsewhere, and puts this turn's question into the field. */
  onLoadAgain: () => void;
}

export function TurnView({ conversation, turn, last, onAsk, onLoadAgain }: TurnViewProps) {
  const active = useState<number | null>(null);
  const refused = turn.answer?.outcome === "refused";
  const again = onAsk && (() => onAsk(turn.question));
  return (
    <article className={styles.turn} data-last={last || undefined} data-phase={turn.phase}>
      <ActiveSource value={active}>
        <div className={styles.column}>
          <Question
            question={turn.question}
            draft={draftKey(conversation, turn.answer?.id ?? turn.id)}
            earlier={draftKey(conversation, turn.id)}
            onAsk={onAsk}
          />
          <div
            className={styles.answer}
            data-testid="answer"
            data-phase={turn.phase}
            data-outcome={turn.answer?.outcome}
            aria-busy={turn.phase === "searching" || turn.phase === "writing"}
          >
            <Progress turn={turn} />
            {refused ? <RefusalView turn={turn} onAsk={onAsk} /> : <Written turn={turn} />}
            <Ending turn={turn} onAgain={again} onLoadAgain={onLoadAgain} />
          </div>
          {turn.answer && <AnswerActions answer={turn.answer} onAgain={last ? again : undefined} />}
          {turn.answer && <HowFound answerId={turn.answer.id} />}
        </div>
        {!refused && turn.sources.length > 0 && <SourceList turn={turn} />}
      </ActiveSource>
    </article>
  );
}

/** An answer has the same id after the page is loaded afresh; a turn that was asked in this window may get another. */
function draftKey(conversation: string, id: string): string {
  return `edit.${conversation}.${id}`;
}

function Written({ turn }: { turn: Turn }) {
  const { text, sentences, sources } = turn;
  const blocks = useMemo(
    () => toBlocks(text, sentences, new Set(sources.map((source) => source.number))),
    [text, sentences, sources],
  );
  return (
    <>
      {text !== "" && <AnswerText blocks={blocks} sources={sources} settled={turn.phase === "done"} />}
      {turn.answer && <AnswerNotices answer={turn.answer} />}
    </>
  );
}

function Progress({ turn }: { turn: Turn }) {
  if (turn.phase !== "searching" || turn.text !== "") return null;
  const found = turn.sources.length;
  return (
    <>
      <p className={styles.progress}>
        {found === 0
          ? "Searching the documents that you may read…"
          : `Reading ${found === 1 ? "1 passage" : `${found} passages`}…`}
      </p>
      <Skeleton lines={4} />
    </>
  );
}

interface EndingProps {
  turn: Turn;
  onAgain: (() => void) | undefined;
  onLoadAgain: () => void;
}

function Ending({ turn, onAgain, onLoadAgain }: EndingProps): ReactNode {
  const kept = turn.over?.message && <p className={styles.progress}>What it was to replace is kept above.</p>;
  const wentOn = turn.error instanceof ApiError && turn.error.status === 409;
  if (turn.phase === "failed")
    return (
      <>
        {wentOn ? (
          <ErrorNotice error={turn.error} onRetry={onLoadAgain} action="Load again" />
        ) : (
          <ErrorNotice error={turn.error} onRetry={onAgain} />
        )}
        {kept}
      </>
    );
  if (turn.phase !== "stopped") return null;
  const actions = onAgain && (
    <Button small onClick={onAgain}>
      Ask again
    </Button>
  );
  return (
    <Notice actions={actions} title={turn.text ? "You stopped this answer" : "This question has no answer"}>
      {turn.text
        ? "What had not been checked by then is shown in grey."
        : "It was stopped, or the connection was lost, before one came."}
      {kept}
    </Notice>
  );
}
