import styles from "./wordmark.module.css";

/** The name, with the mark that it is about. */
export function Wordmark({ large = false }: { large?: boolean }) {
  return (
    <span className={styles.wordmark} data-large={large || undefined}>
      Footnote<sup aria-hidden="true">1</sup>
    </span>
  );
}
