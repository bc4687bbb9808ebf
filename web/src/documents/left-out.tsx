/** What the text does not hold of the file: a reader who misses something should not have to guess. */

import type { DocumentDetail, LeftOut } from "@/api/types";
import { Notice } from "@/ui/notice";
import styles from "./left-out.module.css";

type Lacking = Pick<DocumentDetail, "left_out" | "hidden_chars">;

export function LeftOutNotice({ left_out, hidden_chars }: Lacking) {
  if (left_out.length === 0 && hidden_chars === 0) return null;
  return (
    <Notice data-testid="left-out">
      {left_out.length > 0 && (
        <details className={styles.details}>
          <summary>{were(left_out.length, "part")} left out</summary>
          <ul className={styles.parts}>
            {left_out.map((one, index) => (
              <Part key={index} {...one} />
            ))}
          </ul>
        </details>
      )}
      {hidden_chars > 0 && <p>{were(hidden_chars, "hidden character")} left out</p>}
    </Notice>
  );
}

function Part({ part, reason }: LeftOut) {
  return (
    <li>
      {part && <span className={styles.name}>{part}</span>} {reason}
    </li>
  );
}

/** "1 part was", "212 parts were". */
function were(count: number, what: string): string {
  return count === 1 ? `1 ${what} was` : `${count.toLocaleString("en")} ${what}s were`;
}
