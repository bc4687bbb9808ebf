/** A source's passage and where it stands. */

import { TriangleAlert } from "lucide-react";
import { Link } from "react-router";
import type { Source } from "@/api/types";
import { hostOf, safeAddress } from "@/text/links";
import { around } from "@/text/around";
import { day } from "@/text/time";
import { Facts } from "@/ui/facts";
import styles from "./passage.module.css";

const CONTEXT = 140;

/** The passage with the quote marked, cut to the quote's surroundings. Without a quote, the passage alone. */
export function Passage({ source, quote }: { source: Source; quote: string | null }) {
  if (quote === null)
    return (
      <blockquote className={styles.passage} dir="auto">
        {around(source.text, "", 3 * CONTEXT).after}
      </blockquote>
    );
  const { before, after } = around(source.text, quote, CONTEXT);
  return (
    <blockquote className={styles.passage} dir="auto" data-testid="quote">
      {before}
      <mark className={styles.quote}>{quote}</mark>
      {after}
    </blockquote>
  );
}

/** Page, headings, data source and date, as far as they are known. */
export function SourceMeta({ source }: { source: Source }) {
  const facts = [
    source.page !== null && `Page ${source.page}`,
    source.heading_path.filter((heading) => heading !== source.title).join(" › "),
    source.data_source,
    source.modified_at && day(source.modified_at),
  ];
  const url = source.url === null ? null : safeAddress(source.url);
  return (
    <div className={styles.meta}>
      <Facts of={facts} />
      {url && (
        <a href={url} target="_blank" rel="noopener noreferrer nofollow">
          {hostOf(url)} ↗
        </a>
      )}
      {source.superseded_by && (
        <p className={styles.superseded}>
          <TriangleAlert size={13} aria-hidden="true" /> Superseded by{" "}
          <Link to={`/documents/${encodeURIComponent(source.superseded_by)}`}>a newer document</Link>
        </p>
      )}
    </div>
  );
}
