/** The last resort: a fault of ours shows a page with a way on instead of nothing. */

import { Component, type ReactNode } from "react";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import styles from "./session.module.css";

export class Crash extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main className={styles.wait}>
        <div className={styles.problem} role="alert">
          <Notice tone="danger" title="The page ran into an error">
            Nothing was lost on the server. Load the page again to go on.
          </Notice>
          <Button onClick={() => window.location.assign("/")}>Load again</Button>
        </div>
      </main>
    );
  }
}
