/** What a reader must know before relying on an answer: sources that disagree, or that are out of date. */

import { Link } from "react-router";
import type { Answer, Source } from "@/api/types";
import { Notice } from "@/ui/notice";
import { CitationChip } from "./citation-chip";

export function AnswerNotices({ answer }: { answer: Answer }) {
  const numbered = new Map(answer.sources.map((source) => [source.number, source]));
  const cited = new Set(answer.sentences.flatMap((sentence) => sentence.citations.map((citation) => citation.source)));
  const superseded = answer.sources.filter((source) => source.superseded_by && cited.has(source.number));
  return (
    <>
      {answer.conflicts.map((conflict) => (
        <Notice key={conflict.sources.join()} tone="warning" title="The sources do not agree" data-testid="conflict">
          {conflict.note} <Chips numbers={conflict.sources} sources={numbered} />
        </Notice>
      ))}
      {superseded.length > 0 && (
        <Notice tone="warning" title="A source of this answer is out of date" data-testid="superseded">
          {superseded.map((source) => (
            <p key={source.number}>
              <CitationChip source={source} citation={null} /> {source.title} has been replaced.{" "}
              <Link to={`/documents/${encodeURIComponent(source.superseded_by ?? "")}`}>Open the newer document</Link>
            </p>
          ))}
        </Notice>
      )}
    </>
  );
}

function Chips({ numbers, sources }: { numbers: number[]; sources: ReadonlyMap<number, Source> }) {
  return numbers.map((number) => {
    const source = sources.get(number);
    return source && <CitationChip key={number} source={source} citation={null} />;
  });
}
