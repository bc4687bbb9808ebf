/** Whether registry, index and originals agree: an audit on request, and the mending of what it finds. */

import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { CLASSES, verify, type AuditProgress, type Report } from "@/api/verify";
import { Button } from "@/ui/button";
import { ErrorNotice, Notice } from "@/ui/notice";
import { count, reportWords } from "./words";
import styles from "./operations.module.css";

interface Audit {
  progress: AuditProgress | null;
  report: Report | null;
  error: unknown;
  running: boolean;
}

const NONE: Audit = { progress: null, report: null, error: null, running: false };

function useAudit() {
  const [audit, setAudit] = useState<Audit>(NONE);
  const abort = useRef<AbortController>(null);
  // A closed page frees the server at once.
  useEffect(() => () => abort.current?.abort(), []);
  const start = async (repair: boolean) => {
    const controller = new AbortController();
    abort.current = controller;
    setAudit({ ...NONE, running: true });
    try {
      for await (const { event, data } of verify(repair, controller.signal)) {
        if (event === "progress") setAudit({ ...NONE, running: true, progress: data });
        else setAudit({ ...NONE, report: data });
      }
    } catch (error) {
      setAudit(controller.signal.aborted ? NONE : { ...NONE, error });
    }
  };
  return { audit, start: (repair: boolean) => void start(repair), stop: () => abort.current?.abort() };
}

export function Verification() {
  const { audit, start, stop } = useAudit();
  const { progress, report, error, running } = audit;
  return (
    <section className={styles.section}>
      <h2>Verification</h2>
      <div className={styles.verification}>
        <p className={styles.quiet}>Compares the registry, the index and the originals, and changes nothing.</p>
        {running ? (
          <Button onClick={stop}>Stop</Button>
        ) : (
          <Button onClick={() => start(false)} data-testid="verify">
            Verify now
          </Button>
        )}
        <p role="status" className={styles.quiet}>
          {running && (progress ? progressWords(progress) : "Begins…")}
        </p>
        {error !== null && <ErrorNotice error={error} onRetry={() => start(false)} />}
        {report && <ReportView report={report} onRepair={() => start(true)} />}
      </div>
    </section>
  );
}

function ReportView({ report, onRepair }: { report: Report; onRepair: () => void }) {
  const found = CLASSES.filter((kind) => report[kind].count > 0);
  return (
    <div role="status" data-testid="verify-report" data-clean={report.clean}>
      <Notice
        tone={report.clean ? "info" : "warning"}
        title={report.clean ? "All is as it should be" : "Not everything is as it should be"}
        actions={
          !report.clean && (
            <Button small onClick={onRepair} data-testid="repair">
              Repair
            </Button>
          )
        }
      >
        <p>{reportWords(report)}</p>
        {found.map((kind) => (
          <p key={kind}>
            {kind}: {count(report[kind].count)}
          </p>
        ))}
        {report.lost.map(({ document_id, title }) => (
          <p key={document_id}>
            The original of <Link to={`/documents/${encodeURIComponent(document_id)}`}>{title}</Link> is lost: send it
            again.
          </p>
        ))}
      </Notice>
    </div>
  );
}

function progressWords({ stage, done, total }: AuditProgress): string {
  return total === null ? `${stage}: ${count(done)}` : `${stage}: ${count(done)} of ${count(total)}`;
}
