/** One document's text, page by page, with a cited passage highlighted: `?version=&start=&end=` in code points. */

import { FileQuestion } from "lucide-react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { isNotFound } from "@/api/problem";
import type { DocumentDetail } from "@/api/types";
import { Page } from "@/shell/page";
import type { Passage } from "@/text/layout";
import { ButtonLink } from "@/ui/button";
import { Empty, ErrorNotice, Notice, Skeleton } from "@/ui/notice";
import { DocumentHeader } from "./document-header";
import { StateReason } from "./document-state";
import { DocumentText } from "./document-text";
import { useDocument, useDocumentText } from "./documents";
import { LeftOutNotice } from "./left-out";
import { isUnderWay } from "./live";

export default function DocumentPage() {
  const { documentId = "" } = useParams();
  const { data, error, isPending, refetch } = useDocument(documentId);
  const navigate = useNavigate();
  // What was read of a document that one may no longer read stays in memory, and must not stay on the page.
  const document = isNotFound(error) ? undefined : data;
  return (
    <Page title={document?.title ?? "Document"} untitled={isPending} narrow>
      {isPending && <Skeleton lines={10} />}
      {error && !document && <Unreadable error={error} onRetry={() => void refetch()} />}
      {document && (
        <>
          <DocumentHeader document={document} onDeleted={() => void navigate("/documents", { replace: true })} />
          {document.ready_at === null ? <NoText document={document} /> : <Body document={document} />}
        </>
      )}
    </Page>
  );
}

/** In place of the text of a document that has none yet. */
function NoText({ document }: { document: DocumentDetail }) {
  if (isUnderWay(document)) {
    return <Notice title="This document is being read">Its text will be here in a moment.</Notice>;
  }
  return (
    <Notice tone="danger" title="This document could not be read">
      <StateReason document={document} />
    </Notice>
  );
}

function Body({ document }: { document: DocumentDetail }) {
  const [params] = useSearchParams();
  const version = toNumber(params.get("version"));
  const passage = toPassage(params);
  // Asked for also while a newer version is under way: readers still have the one before.
  const { data, error, isPending, refetch } = useDocumentText(document, version);
  const current = `/documents/${encodeURIComponent(document.id)}`;
  if (isPending) return <Skeleton lines={12} />;
  if (isNotFound(error) && version !== null && version !== document.version) {
    return (
      <Notice tone="warning" title={`${params.has("start") ? "The cited" : "This"} version is no longer kept`}>
        <Link to={current}>Open the current version</Link>
      </Notice>
    );
  }
  if (error && (!data || isNotFound(error))) return <Unreadable error={error} onRetry={() => void refetch()} />;
  return (
    <>
      {document.superseded_by && (
        <Notice tone="warning" title="This document has been replaced" data-testid="superseded">
          <Link to={`/documents/${encodeURIComponent(document.superseded_by)}`}>Open the newer document</Link>
        </Notice>
      )}
      {data.version === document.version && (
        <LeftOutNotice left_out={document.left_out} hidden_chars={document.hidden_chars} />
      )}
      {data.version < document.version && (
        <Notice
          tone="warning"
          title={`This is version ${data.version}${params.has("start") ? ", which the answer cited" : ""}`}
        >
          There is a newer one. <Link to={current}>Open version {document.version}</Link>
        </Notice>
      )}
      <DocumentText text={data.text} pages={data.pages} passage={passage} />
    </>
  );
}

function Unreadable({ error, onRetry }: { error: Error; onRetry: () => void }) {
  if (!isNotFound(error)) return <ErrorNotice error={error} onRetry={onRetry} />;
  return (
    <Empty
      icon={<FileQuestion size={28} />}
      title="This document does not exist, or you may not read it"
      action={<ButtonLink to="/documents">All documents</ButtonLink>}
    />
  );
}

function toNumber(text: string | null): number | null {
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

function toPassage(params: URLSearchParams): Passage | null {
  const start = toNumber(params.get("start"));
  const end = toNumber(params.get("end"));
  return start !== null && end !== null && start < end ? { start, end } : null;
}
