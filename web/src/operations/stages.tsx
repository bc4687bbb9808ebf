/** Where a document's time goes. */

import { Progress } from "@base-ui/react/progress";
import type { AdminStatus } from "@/api/types";
import { shares, span } from "./words";
import styles from "./operations.module.css";

export function Stages({ status: { stages } }: { status: AdminStatus }) {
  if (stages.length === 0) return null;
  const share = shares(stages);
  return (
    <section className={styles.section}>
      <h2>Stages of the last {Math.max(...stages.map(({ documents }) => documents)).toLocaleString("en")} documents</h2>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col">Mean</th>
            <th scope="col">95th percentile</th>
            <th scope="col" className={styles.wide}>
              Share
            </th>
          </tr>
        </thead>
        <tbody>
          {stages.map(({ stage, mean_ms, p95_ms }, place) => (
            <tr key={stage} data-testid="stage-time">
              <th scope="row">{stage}</th>
              <td>{span(mean_ms)}</td>
              <td>{span(p95_ms)}</td>
              <td className={styles.wide}>
                <Progress.Root value={Math.round((share[place] ?? 0) * 100)} aria-label={`Share of ${stage}`}>
                  <Progress.Track className={styles.track}>
                    <Progress.Indicator className={styles.bar} />
                  </Progress.Track>
                </Progress.Root>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
