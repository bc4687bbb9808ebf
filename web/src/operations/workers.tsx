/** Who works, on what, and when each last got on. */

import { Link } from "react-router";
import type { AdminStatus } from "@/api/types";
import { ago, workWords } from "./words";
import styles from "./operations.module.css";

export function Workers({ status: { workers, at } }: { status: AdminStatus }) {
  return (
    <section className={styles.section}>
      <h2>Workers</h2>
      {workers.length === 0 ? (
        <p className={styles.quiet}>None has done anything in the last five minutes.</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">Does</th>
              <th scope="col">Document</th>
              <th scope="col">Got on</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <tr key={worker.name} data-testid="worker">
                <th scope="row">{worker.name}</th>
                <td>{workWords(worker)}</td>
                <td>
                  {worker.document && (
                    <Link to={`/documents/${encodeURIComponent(worker.document.id)}`}>{worker.document.title}</Link>
                  )}
                </td>
                <td>{ago(worker.progress_at, at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
