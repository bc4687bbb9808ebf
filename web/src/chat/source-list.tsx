/** The sources of an answer, like notes in the margin: what it cites first, then what was found besides. */

import { Collapsible } from "@base-ui/react/collapsible";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import type { Source } from "@/api/types";
import { SourceCard } from "./source-card";
import type { Turn } from "./turns";
import styles from "./source-list.module.css";

export function SourceList({ turn }: { turn: Turn }) {
  const cited = new Set(turn.sentences.flatMap((sentence) => sentence.citations.map((citation) => citation.source)));
  const settled = turn.phase === "done" && cited.size > 0;
  const first = settled ? turn.sources.filter((source) => cited.has(source.number)) : turn.sources;
  const others = settled ? turn.sources.filter((source) => !cited.has(source.number)) : [];
  return (
    <aside className={styles.sources} aria-label="Sources">
      <h3 className={styles.title}>Sources</h3>
      <Cards sources={first} />
      {others.length > 0 && <Others sources={others} />}
    </aside>
  );
}

function Others({ sources }: { sources: Source[] }) {
  const [open, setOpen] = useState(false);
  return (
    <Collapsible.Root open={open} onOpenChange={setOpen}>
      <Collapsible.Trigger className={styles.more}>
        <ChevronRight size={14} aria-hidden="true" />
        {sources.length} more found, not cited
      </Collapsible.Trigger>
      <Collapsible.Panel className={styles.panel}>
        <Cards sources={sources} />
      </Collapsible.Panel>
    </Collapsible.Root>
  );
}

function Cards({ sources }: { sources: Source[] }) {
  return (
    <ol className={styles.cards}>
      {sources.map((source) => (
        <SourceCard key={source.number} source={source} />
      ))}
    </ol>
  );
}
