/**
 * The words of an answer, the same whether they are arriving or were stored. Text comes out as text: paragraphs,
 * lists, citations, and addresses that show where they lead. There is no way for markup in it to become markup.
 */

import { CircleHelp } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import type { Source } from "@/api/types";
import type { Block, Part, Run } from "@/text/segments";
import { Hint } from "@/ui/button";
import { CitationChip } from "./citation-chip";
import styles from "./answer-text.module.css";

interface AnswerTextProps {
  blocks: Block[];
  sources: Source[];
  /** The answer is complete: text outside of sentences is not waiting for its check. */
  settled: boolean;
}

export function AnswerText({ blocks, sources, settled }: AnswerTextProps) {
  const numbered = new Map(sources.map((source) => [source.number, source]));
  const draw = (runs: Run[]) =>
    runs.map((run) => <RunView key={run.key} run={run} sources={numbered} settled={settled} />);
  return (
    <div className={styles.text}>
      {blocks.map((block, index) => (
        <BlockView key={index} block={block} draw={draw} />
      ))}
    </div>
  );
}

function BlockView({ block, draw }: { block: Block; draw: (runs: Run[]) => ReactNode }) {
  if (block.kind === "paragraph") return <p dir="auto">{draw(block.runs)}</p>;
  const items = block.items.map((runs, index) => (
    <li key={index} dir="auto">
      {draw(runs)}
    </li>
  ));
  return block.ordered ? <ol start={block.first}>{items}</ol> : <ul>{items}</ul>;
}

interface RunViewProps {
  run: Run;
  sources: ReadonlyMap<number, Source>;
  settled: boolean;
}

function RunView({ run, sources, settled }: RunViewProps) {
  const parts = run.parts.map((part, index) => <PartView key={index} part={part} sources={sources} />);
  if (!run.sentence) return <span className={settled ? undefined : styles.unchecked}>{parts}</span>;
  const unsupported = run.sentence.status === "unsupported";
  return (
    <span
      className={unsupported ? styles.unsupported : styles.sentence}
      data-testid="sentence"
      data-status={run.sentence.status}
    >
      {parts}
      {unsupported && <UnsupportedMark />}
    </span>
  );
}

function PartView({ part, sources }: { part: Part; sources: ReadonlyMap<number, Source> }) {
  switch (part.kind) {
    case "text":
      return <Fragment>{part.text}</Fragment>;
    case "link":
      return (
        <a href={part.href} target="_blank" rel="noopener noreferrer nofollow" className={styles.link}>
          {part.text}
        </a>
      );
    case "citation": {
      const source = sources.get(part.number);
      return source ? <CitationChip source={source} citation={part.citation} /> : <Fragment>[{part.number}]</Fragment>;
    }
  }
}

function UnsupportedMark() {
  const words = "No passage that was found supports this sentence";
  return (
    <Hint text={words}>
      <button type="button" className={styles.mark} aria-label={words} data-testid="unsupported">
        <CircleHelp size={14} />
      </button>
    </Hint>
  );
}
