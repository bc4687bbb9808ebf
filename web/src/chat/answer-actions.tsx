/** What can be done with a finished answer: copy it, say whether it helped, ask for another. */

import { Check, Copy, Quote, RotateCw, ThumbsDown, ThumbsUp } from "lucide-react";
import { useState } from "react";
import type { Answer } from "@/api/types";
import { Hint, IconButton } from "@/ui/button";
import { copyText } from "@/ui/copy";
import { useFocusBack } from "@/ui/kept-focus";
import { FeedbackComment } from "./feedback-comment";
import { useFeedback } from "./feedback";
import styles from "./answer-actions.module.css";

interface AnswerActionsProps {
  answer: Answer;
  /** Asks the same again in the place of this answer: for the last one of a conversation. */
  onAgain: (() => void) | undefined;
}

export function AnswerActions({ answer, onAgain }: AnswerActionsProps) {
  const { rating, rate, busy, comment, closeComment } = useFeedback(answer.id);
  const down = useFocusBack(comment);
  return (
    <>
      <div className={styles.actions}>
        {answer.outcome === "answered" && <CopyButton answer={answer} />}
        <IconButton
          label="This helped"
          small
          aria-pressed={rating === "up"}
          data-testid="feedback-up"
          onClick={() => rate("up")}
        >
          <ThumbsUp size={15} fill={rating === "up" ? "currentColor" : "none"} />
        </IconButton>
        <IconButton
          ref={down}
          label="This did not help"
          small
          aria-pressed={rating === "down"}
          data-testid="feedback-down"
          onClick={() => rate("down")}
        >
          <ThumbsDown size={15} fill={rating === "down" ? "currentColor" : "none"} />
        </IconButton>
        {onAgain && (
          <IconButton label="Ask again" small data-testid="again" onClick={onAgain}>
            <RotateCw size={15} />
          </IconButton>
        )}
        {answer.mode === "extractive" && answer.outcome === "answered" && <ExtractiveLabel />}
      </div>
      {comment && <FeedbackComment onSend={(text) => rate("down", text)} busy={busy} onClose={closeComment} />}
    </>
  );
}

function ExtractiveLabel() {
  return (
    <Hint text="Sentences taken word for word from the documents; no language model wrote anything">
      <button type="button" className={styles.mode} data-testid="extractive">
        <Quote size={13} aria-hidden="true" /> Verbatim from the documents
      </button>
    </Hint>
  );
}

function CopyButton({ answer }: { answer: Answer }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(asText(answer)))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <>
      <IconButton label={copied ? "Copied" : "Copy with sources"} small onClick={() => void copy()}>
        {copied ? <Check size={15} /> : <Copy size={15} />}
      </IconButton>
      <span role="status" className="visually-hidden">
        {copied && "Copied"}
      </span>
    </>
  );
}

/** The answer for a letter or a mail: its text, then the sources that it cites. */
function asText(answer: Answer): string {
  const cited = new Set(answer.sentences.flatMap((sentence) => sentence.citations.map((citation) => citation.source)));
  const sources = answer.sources
    .filter((source) => cited.has(source.number))
    .map(({ number, title, page, url }) =>
      [`[${number}] ${title}`, page && `page ${page}`, url].filter(Boolean).join(", "),
    );
  return sources.length > 0 ? `${answer.text}\n\n${sources.join("\n")}` : answer.text;
}
