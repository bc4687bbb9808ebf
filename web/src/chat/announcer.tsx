/** Tells screen readers how the answer goes: whole sentences as they are checked, not every piece of a word. */

import { useState } from "react";
import { refusalWords } from "./refusal-words";
import type { Turn } from "./turns";

export function Announcer({ turn }: { turn: Turn | undefined }) {
  const [watched, setWatched] = useState(false);
  const live = turn?.phase === "searching" || turn?.phase === "writing";
  if (live && !watched) setWatched(true);
  return (
    <div role="log" aria-live="polite" className="visually-hidden">
      {turn && watched && <News turn={turn} />}
    </div>
  );
}

function News({ turn }: { turn: Turn }) {
  const { phase, sentences, answer } = turn;
  return (
    <>
      {phase === "searching" && <p>Searching the documents.</p>}
      {sentences.map((sentence) => (
        <p key={sentence.start}>{sentence.text}</p>
      ))}
      {answer?.outcome === "refused" && <p>{refusalWords(answer.refusal).title}</p>}
      {answer?.outcome === "answered" && <p>The answer is complete.</p>}
      {phase === "stopped" && <p>Stopped.</p>}
    </>
  );
}
