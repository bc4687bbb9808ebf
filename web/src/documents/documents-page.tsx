/** All documents that one may read or edit: find them, add to them, see how they come along. */

import { FileSearch, FileText } from "lucide-react";
import { useRef, type ReactNode } from "react";
import type { DocumentFilter } from "@/api/documents";
import type { Document } from "@/api/types";
import { Heading, Page } from "@/shell/page";
import { useSignedIn } from "@/shell/session";
import { Button } from "@/ui/button";
import { useKeptFocus } from "@/ui/kept-focus";
import { Empty, ErrorNotice, Skeleton } from "@/ui/notice";
import { Offline } from "@/ui/offline";
import { DocumentFilters, useFilter } from "./document-filters";
import { DocumentRow } from "./document-row";
import { useDocuments, useLive, useNews } from "./documents";
import { unfinishedIds } from "./live";
import { QueueLine } from "./queue-line";
import { UploadZone } from "./upload-zone";
import { useUploads } from "./uploads";
import { foundWords } from "./words";
import styles from "./documents-page.module.css";

export default function DocumentsPage() {
  const me = useSignedIn();
  const [filter, setFilter] = useFilter();
  return (
    <Page title="Documents">
      <Heading hint="What you may read, and what you have sent. Answers come from these and nothing else.">
        Documents
      </Heading>
      <Offline />
      {me.scopes.includes("write") && <UploadZone />}
      <QueueLine />
      <DocumentFilters filter={filter} onChange={setFilter} />
      <DocumentList filter={filter} />
    </Page>
  );
}

function DocumentList({ filter }: { filter: DocumentFilter }) {
  const { data, isPending, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage, isPlaceholderData } =
    useDocuments(filter);
  useLiveDocuments(data?.pages.flatMap((page) => page.items) ?? []);
  if (isPending) return <Skeleton lines={8} />;
  if (!data) return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  const documents = data.pages.flatMap((page) => page.items);
  const filtered = filter.q !== "" || filter.state !== "";
  return (
    <Found words={filtered && !isPlaceholderData ? foundWords(documents.length, hasNextPage) : ""}>
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {documents.length === 0 ? (
        <NoDocuments filtered={filtered} />
      ) : (
        <ul className={styles.list} data-stale={isPlaceholderData || undefined}>
          {documents.map((document) => (
            <DocumentRow key={document.id} document={document} />
          ))}
        </ul>
      )}
      {hasNextPage && (
        <div className={styles.more}>
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </Found>
  );
}

/** The list, and for the ear how many there are once it was searched. */
function Found({ words, children }: { words: string; children: ReactNode }) {
  const list = useRef<HTMLElement>(null);
  const kept = useKeptFocus(list);
  return (
    <section aria-label="Documents" ref={list} {...kept}>
      <p role="status" className="visually-hidden">
        {words}
      </p>
      {children}
    </section>
  );
}

/** Keeps what is shown up to date: the rows of the list, and what was sent from here. */
function useLiveDocuments(shown: Document[]): void {
  const news = useNews();
  const sent = useUploads().flatMap(({ id }) => (id === null ? [] : [news.get(id) ?? { id, state: "queued" }]));
  useLive(unfinishedIds([...sent, ...shown]));
}

function NoDocuments({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Empty icon={<FileSearch size={28} />} title="Nothing fits">
        No document has these words in its name and this state.
      </Empty>
    );
  }
  return (
    <Empty icon={<FileText size={28} />} title="No documents yet">
      Send a handbook, a policy or a price list, then ask about it.
    </Empty>
  );
}
