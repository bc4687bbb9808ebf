/** One document in the list. */

import { Link } from "react-router";
import type { Document } from "@/api/types";
import { kindOf } from "@/text/kind";
import { day } from "@/text/time";
import { Facts } from "@/ui/facts";
import { DocumentMenu } from "./document-menu";
import { StageProgress, StateBadge, StateReason } from "./document-state";
import { RetryButton } from "./retry-button";
import styles from "./document-row.module.css";

export function DocumentRow({ document }: { document: Document }) {
  const { id, title, external_id, data_source, media_type, modified_at, state } = document;
  const facts = [
    kindOf(media_type),
    data_source,
    external_id !== title && external_id,
    modified_at && day(modified_at),
  ];
  return (
    <li className={styles.row} data-testid="document" data-state={state} data-id={id}>
      <div className={styles.body}>
        <Link to={`/documents/${encodeURIComponent(id)}`} className={styles.title}>
          {title}
        </Link>
        <div className={styles.facts}>
          <Facts of={facts} />
        </div>
        <StageProgress document={document} />
        <StateReason document={document} />
        <RetryButton document={document} />
      </div>
      <StateBadge state={state} />
      <DocumentMenu document={document} />
    </li>
  );
}
