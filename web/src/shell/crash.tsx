/** The last resort: a fault of ours shows a page with a way on instead of nothing. */

import { Component, type ReactNode } from "react";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { loadAgain } from "./navigation";
import styles from "./session.module.css";

interface CrashProps {
  /** Where it stands: elsewhere it tries again. */
  at?: string;
  fallback: ReactNode;
  children: ReactNode;
}

export class Crash extends Component<CrashProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidUpdate(before: CrashProps) {
    if (this.state.failed && before.at !== this.props.at) this.setState({ failed: false });
  }

  override render() {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}

/** In the place of the whole app. */
export function CrashedApp({ onLoad }: { onLoad: () => void }) {
  return (
    <main className={styles.wait}>
      <CrashNotice onLoad={onLoad} />
    </main>
  );
}

export function CrashNotice({ onLoad = loadAgain }: { onLoad?: () => void }) {
  return (
    <div className={styles.problem} role="alert">
      <Notice tone="danger" title="The page ran into an error">
        Nothing was lost on the server. Load the page again to go on.
      </Notice>
      <Button onClick={onLoad}>Load again</Button>
    </div>
  );
}
