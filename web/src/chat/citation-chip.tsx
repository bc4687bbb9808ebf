/**
 * `[n]` in an answer. Hover, focus or the first tap shows the passage; a click, Enter or the second tap opens it in
 * its document.
 */

import { PreviewCard } from "@base-ui/react/preview-card";
import { ArrowRight, BadgeCheck } from "lucide-react";
import { useState, type MouseEvent } from "react";
import { Link } from "react-router";
import { passageAddress } from "@/api/documents";
import type { Citation, Source } from "@/api/types";
import popup from "@/ui/popup.module.css";
import { useActiveSource } from "./active-source";
import { Passage, SourceMeta } from "./passage";
import styles from "./citation-chip.module.css";

interface CitationChipProps {
  source: Source;
  /** Null while the sentence is not checked: then the whole source stands for it. */
  citation: Citation | null;
}

export function CitationChip({ source, citation }: CitationChipProps) {
  const [open, setOpen] = useState(false);
  const { active, handlers } = useActiveSource(source.number);
  const to = passageAddress(citation ?? source);
  const page = source.page === null ? "" : `, page ${source.page}`;
  const click = (event: MouseEvent) => {
    const touch = "pointerType" in event.nativeEvent && event.nativeEvent.pointerType === "touch";
    if (!touch || open) return;
    event.preventDefault();
    setOpen(true);
  };
  const link = (
    <Link
      to={to}
      className={styles.chip}
      aria-label={`Source ${source.number}: ${source.title}${page}`}
      data-testid="citation"
      data-source={source.number}
      data-active={active || undefined}
      data-checked={citation !== null || undefined}
      data-superseded={source.superseded_by !== null || undefined}
      onClick={click}
      {...handlers}
    >
      {source.number}
    </Link>
  );
  return (
    <PreviewCard.Root open={open} onOpenChange={setOpen}>
      <PreviewCard.Trigger render={link} delay={120} closeDelay={160} />
      <PreviewCard.Portal>
        <PreviewCard.Positioner className={popup.positioner} sideOffset={8} collisionPadding={12}>
          <PreviewCard.Popup className={styles.card} data-testid="popover">
            <p className={styles.title}>
              <span className={styles.number}>{source.number}</span>
              <span dir="auto">{source.title}</span>
            </p>
            <SourceMeta source={source} />
            <Passage source={source} quote={citation?.quote ?? null} />
            <div className={styles.footer}>
              <Link to={to} className={styles.open}>
                Open in the document <ArrowRight size={14} aria-hidden="true" />
              </Link>
              {citation && (
                <span className={styles.checked}>
                  <BadgeCheck size={14} aria-hidden="true" /> Checked
                </span>
              )}
            </div>
          </PreviewCard.Popup>
        </PreviewCard.Positioner>
      </PreviewCard.Portal>
    </PreviewCard.Root>
  );
}
