/** Documents that people and programs send themselves: counted here, for the sake of the whole. */

import type { DataSource } from "@/api/types";
import { Facts } from "@/ui/facts";
import { connectorWord } from "./words";
import styles from "./data-sources.module.css";

export function UploadedRow({ source }: { source: DataSource }) {
  return (
    <li className={styles.row} data-testid="data-source" data-name={source.name} data-state="upload">
      <div className={styles.body}>
        <h2 className={styles.name}>{source.name}</h2>
        <div className={styles.facts}>
          <Facts of={[connectorWord(source.connector), documentsWord(source.documents)]} />
        </div>
      </div>
    </li>
  );
}

export function documentsWord(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "document" : "documents"}`;
}
