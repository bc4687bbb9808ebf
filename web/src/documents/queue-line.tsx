/** One line above the list: how much waits to be read, and for how long still. Gone when nothing waits. */

import { useQuery } from "@tanstack/react-query";
import { readQueue } from "@/api/operations";
import { queueWords } from "./queue";
import styles from "./documents-page.module.css";

const WORKING_MS = 2_000;
const IDLE_MS = 30_000;

export function QueueLine() {
  const { data } = useQuery({
    queryKey: ["queue"],
    queryFn: ({ signal }) => readQueue(signal),
    refetchInterval: ({ state }) => (state.data && queueWords(state.data) ? WORKING_MS : IDLE_MS),
  });
  const words = data && queueWords(data);
  return (
    <>
      {words && (
        <p className={styles.queue} data-testid="queue-line">
          <span className={styles.pulse} aria-hidden="true" />
          {words}
        </p>
      )}
      {/* Numbers that change every two seconds are for the eye; the ear hears when it begins and when it is over. */}
      <p role="status" className="visually-hidden">
        {data && (words ? "Documents are being read." : "Nothing waits to be read.")}
      </p>
    </>
  );
}
