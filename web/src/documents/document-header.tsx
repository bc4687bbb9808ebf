/** A document's name and what is known about it. */

import { ArrowLeft, ExternalLink, FileDown } from "lucide-react";
import { useLocation, useNavigate } from "react-router";
import type { Document } from "@/api/types";
import { useSignedIn } from "@/shell/session";
import { kindOf } from "@/text/kind";
import { hostOf, safeAddress } from "@/text/links";
import { day } from "@/text/time";
import { buttonClass, IconButton } from "@/ui/button";
import { Facts } from "@/ui/facts";
import { isReadable } from "./access";
import { DocumentMenu, OriginalLink } from "./document-menu";
import { StageProgress, StateBadge, StateReason } from "./document-state";
import { RetryButton } from "./retry-button";
import styles from "./document-header.module.css";

interface DocumentHeaderProps {
  document: Document;
  onDeleted: () => void;
}

export function DocumentHeader({ document, onDeleted }: DocumentHeaderProps) {
  const { id, title, media_type, data_source, modified_at, version, state, url } = document;
  const facts = [kindOf(media_type), data_source, modified_at && day(modified_at), version > 1 && `Version ${version}`];
  const readable = isReadable(document, useSignedIn());
  const address = url === null ? null : safeAddress(url);
  return (
    <>
      <div className={styles.bar}>
        <BackButton />
        <h1 className={styles.title}>{title}</h1>
        {readable && (
          <OriginalLink id={id} className={buttonClass({ small: true })}>
            <FileDown size={15} aria-hidden="true" /> Original
          </OriginalLink>
        )}
        <DocumentMenu document={document} onDeleted={onDeleted} />
      </div>
      <div className={styles.facts}>
        <Facts of={facts} />
        {address && (
          <a href={address} target="_blank" rel="noopener noreferrer nofollow">
            <ExternalLink size={13} aria-hidden="true" /> {hostOf(address)}
          </a>
        )}
        {state !== "ready" && <StateBadge state={state} />}
      </div>
      <StageProgress document={document} />
      <StateReason document={document} />
      <RetryButton document={document} />
    </>
  );
}

/** Back to where one came from: the answer, mostly. Opened from outside, to the list. */
function BackButton() {
  const { key } = useLocation();
  const navigate = useNavigate();
  const direct = key === "default";
  return (
    <IconButton
      label={direct ? "All documents" : "Back"}
      small
      onClick={() => void (direct ? navigate("/documents") : navigate(-1))}
    >
      <ArrowLeft size={17} />
    </IconButton>
  );
}
