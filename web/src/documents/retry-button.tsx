/** Starts a document again that was given up. For those who may edit it. */

import { RotateCcw } from "lucide-react";
import type { Document } from "@/api/types";
import { Button } from "@/ui/button";
import { sayError } from "@/ui/toasts";
import { useRetryDocument } from "./documents";
import { isGivenUp } from "./words";
import styles from "./document-state.module.css";

export function RetryButton({ document }: { document: Document }) {
  const retry = useRetryDocument();
  if (!document.can_edit || !isGivenUp(document)) return null;
  return (
    <Button
      small
      className={styles.retry}
      busy={retry.isPending}
      onClick={() => retry.mutate(document.id, { onError: sayError })}
      aria-label={`Try again: ${document.title}`}
      data-testid="retry"
    >
      <RotateCcw size={14} aria-hidden="true" /> Try again
    </Button>
  );
}
