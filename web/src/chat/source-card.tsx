/** A source as a card: number, title, place, and the first words of the passage. The whole card opens it. */

import { Link } from "react-router";
import { passageAddress } from "@/api/documents";
import type { Source } from "@/api/types";
import { useActiveSource } from "./active-source";
import { SourceMeta } from "./passage";
import styles from "./source-card.module.css";

export function SourceCard({ source }: { source: Source }) {
  const { active, handlers } = useActiveSource(source.number);
  return (
    <li
      className={styles.card}
      data-testid="source"
      data-source={source.number}
      data-active={active || undefined}
      {...handlers}
    >
      <span className={styles.number} aria-hidden="true">
        {source.number}
      </span>
      <div className={styles.body}>
        <Link to={passageAddress(source)} className={styles.title} dir="auto">
          {source.title}
        </Link>
        <SourceMeta source={source} />
        <p className={styles.text} dir="auto">
          {source.text}
        </p>
      </div>
    </li>
  );
}
