/** The items of a data source that did not become documents, each with its reason. */

import { Link } from "react-router";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { ErrorNotice, Skeleton } from "@/ui/notice";
import { useFailedItems } from "./data-sources";
import styles from "./data-sources.module.css";

interface FailedItemsProps {
  name: string;
  open: boolean;
  onClose: () => void;
}

export function FailedItems({ name, open, onClose }: FailedItemsProps) {
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useFailedItems(
    name,
    open,
  );
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={`What failed in ${name}`}
      description="Each is tried again with the next sync; the others are not held up."
    >
      {isPending && <Skeleton lines={4} />}
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && items.length === 0 && <p>Nothing fails any more.</p>}
      <ul className={styles.items}>
        {items.map(({ external_id, reason, document_id }) => (
          <li key={external_id} data-testid="failed-item">
            {document_id ? (
              <Link to={`/documents/${encodeURIComponent(document_id)}`}>{external_id}</Link>
            ) : (
              <span>{external_id}</span>
            )}
            <p className={styles.reason} data-state="failed">
              {reason}
            </p>
          </li>
        ))}
      </ul>
      <DialogFooter>
        {hasNextPage && (
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        )}
        <Button onClick={onClose}>Close</Button>
      </DialogFooter>
    </Modal>
  );
}
