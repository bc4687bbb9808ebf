import { Fragment } from "react";
import styles from "./facts.module.css";

/** Up to this many characters, a fact is not broken over two lines. */
const SHORT = 24;

/** Short facts in a row, as far as they are known. */
export function Facts({ of }: { of: (string | number | false | null | undefined)[] }) {
  return (
    <p className={styles.facts}>
      {of.filter(Boolean).map((fact) => (
        <Fragment key={String(fact)}>
          <span data-short={String(fact).length <= SHORT || undefined}>{fact}</span>{" "}
        </Fragment>
      ))}
    </p>
  );
}
