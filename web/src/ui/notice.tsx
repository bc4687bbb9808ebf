/** What the page says about itself: notices, errors with a way on, what loads, what is empty. */

import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { explain } from "@/api/problem";
import { Button } from "./button";
import styles from "./notice.module.css";

type Tone = "info" | "warning" | "danger";

interface NoticeProps {
  tone?: Tone;
  title?: ReactNode;
  icon?: ReactNode;
  actions?: ReactNode;
  children?: ReactNode;
}

const ICONS = { info: Info, warning: TriangleAlert, danger: CircleAlert };

export function Notice({ tone = "info", title, icon, actions, children, ...rest }: NoticeProps) {
  const Icon = ICONS[tone];
  return (
    <div className={`${styles.notice ?? ""} ${styles[tone] ?? ""}`} {...rest}>
      {icon ?? <Icon size={16} aria-hidden="true" />}
      <div className={styles.body}>
        {title && <p className={styles.title}>{title}</p>}
        {children}
        {actions && <div className={styles.actions}>{actions}</div>}
      </div>
    </div>
  );
}

interface ErrorNoticeProps {
  error: unknown;
  onRetry?: () => void;
  /** What trying again is called where it is more than the same call: then it is offered for any error. */
  action?: string;
}

/** An error in words, announced at once, with a way to try again where that may help. */
export function ErrorNotice({ error, onRetry, action }: ErrorNoticeProps) {
  const { title, detail, retry } = explain(error);
  const actions = (retry || action) && onRetry && (
    <Button small onClick={onRetry}>
      {action ?? "Try again"}
    </Button>
  );
  return (
    <div role="alert" data-testid="error">
      <Notice tone="danger" title={title} actions={actions}>
        {detail}
      </Notice>
    </div>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  const widths = ["long", "middle", "long", "short"];
  return (
    <div aria-hidden="true">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} className={styles.skeleton} data-width={widths[line % widths.length]} />
      ))}
    </div>
  );
}

interface EmptyProps {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className={styles.empty}>
      {icon}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}
