/** A document's text. It is text and nothing else: whatever markup a document holds shows as the characters it is. */

import { ArrowDown, ArrowUp } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { PageSpan } from "@/api/types";
import { layout, type Passage, type Section } from "@/text/layout";
import { Button } from "@/ui/button";
import { smoothly } from "@/ui/motion";
import { Notice } from "@/ui/notice";
import styles from "./document-text.module.css";

interface DocumentTextProps {
  text: string;
  pages: PageSpan[];
  passage: Passage | null;
}

export function DocumentText({ text, pages, passage }: DocumentTextProps) {
  const { start, end } = passage ?? { start: 0, end: 0 };
  const sections = useMemo(() => layout(text, pages, start < end ? { start, end } : null), [text, pages, start, end]);
  const mark = useRef<HTMLElement>(null);
  const first = sections.findIndex((section) => section.pieces.some((piece) => piece.marked));
  useEffect(() => {
    if (first >= 0) mark.current?.focus({ preventScroll: true });
    return bringIntoView(mark.current);
  }, [sections, first]);
  if (text.trim() === "") return <Notice title="This document holds no text">Its pages may be pictures only.</Notice>;
  return (
    <>
      {passage && first < 0 && <Notice tone="warning">The cited passage is not in this text.</Notice>}
      <div className={styles.text} data-testid="document-text">
        {sections.map((section, index) => (
          <SectionView key={index} section={section} mark={index === first ? mark : undefined} />
        ))}
      </div>
      {first >= 0 && <ReturnToPassage mark={mark} />}
    </>
  );
}

function SectionView({ section, mark }: { section: Section; mark: RefObject<HTMLElement | null> | undefined }) {
  const { page, pieces } = section;
  const marked = pieces.some((piece) => piece.marked);
  return (
    <section
      className={styles.section}
      data-marked={marked || undefined}
      data-page={page ?? undefined}
      aria-label={page === null ? undefined : `Page ${page}`}
    >
      {page !== null && <p className={styles.page}>Page {page}</p>}
      <div className={styles.body}>
        {pieces.map((piece, index) =>
          piece.marked ? (
            <mark key={index} ref={mark} tabIndex={-1} className={styles.mark} data-testid="highlight">
              {piece.text}
            </mark>
          ) : (
            piece.text
          ),
        )}
      </div>
    </section>
  );
}

/**
 * Scrolls to the passage. Pages that were never on screen are laid out only when they come near it, so the place may
 * move after the first scroll: it is taken again in the next frames. Gives a function that stops this.
 */
function bringIntoView(element: HTMLElement | null): () => void {
  let frame = 0;
  const scroll = (left: number) => {
    element?.scrollIntoView({ block: "center" });
    if (left > 0) frame = requestAnimationFrame(() => scroll(left - 1));
  };
  scroll(3);
  return () => cancelAnimationFrame(frame);
}

/** A way back to the passage once one has read on and it is out of sight. */
function ReturnToPassage({ mark }: { mark: RefObject<HTMLElement | null> }) {
  const [away, setAway] = useState<"up" | "down" | null>(null);
  useEffect(() => {
    const element = mark.current;
    if (!element) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry) setAway(entry.isIntersecting ? null : entry.boundingClientRect.top < 0 ? "up" : "down");
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [mark]);
  if (!away) return null;
  return (
    <div className={styles.return}>
      <Button onClick={() => mark.current?.scrollIntoView({ block: "center", behavior: smoothly() })}>
        {away === "up" ? <ArrowUp size={15} /> : <ArrowDown size={15} />} To the cited passage
      </Button>
    </div>
  );
}
