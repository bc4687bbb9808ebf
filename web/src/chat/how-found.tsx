/** How an answer was found: each passage's place in every step of its search. Asked for when somebody looks. */

import { Collapsible } from "@base-ui/react/collapsible";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { explainAnswer } from "@/api/conversations";
import { passageAddress } from "@/api/documents";
import type { Explanation } from "@/api/types";
import { ErrorNotice, Skeleton } from "@/ui/notice";
import { countWords, evidenceWords, timeWords } from "./how-found-words";
import styles from "./how-found.module.css";

export function HowFound({ answerId }: { answerId: string }) {
  const [open, setOpen] = useState(false);
  return (
    <Collapsible.Root open={open} onOpenChange={setOpen} className={styles.root}>
      <Collapsible.Trigger className={styles.trigger} data-testid="how-found">
        <ChevronRight size={14} aria-hidden="true" />
        How was this found?
      </Collapsible.Trigger>
      <Collapsible.Panel className={styles.panel} data-testid="explanation">
        <Loaded answerId={answerId} />
      </Collapsible.Panel>
    </Collapsible.Root>
  );
}

function Loaded({ answerId }: { answerId: string }) {
  // What one may read changes: nothing is shown from an earlier look.
  const { data, error, refetch } = useQuery({
    queryKey: ["explanation", answerId],
    queryFn: ({ signal }) => explainAnswer(answerId, signal),
    gcTime: 0,
  });
  if (error) return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={3} />;
  if (!data.recorded) return <p>This answer is from before it was kept how answers are found.</p>;
  return (
    <>
      {data.query && (
        <p>
          Searched for{" "}
          <q className={styles.query} dir="auto">
            {data.query}
          </q>
        </p>
      )}
      {data.hits.length > 0 && <Places explanation={data} />}
      <p>{[evidenceWords(data), countWords(data), timeWords(data)].filter(Boolean).join(" ")}</p>
    </>
  );
}

function Places({ explanation: { hits } }: { explanation: Explanation }) {
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Place</th>
          <th scope="col">Passage</th>
          <th scope="col">By meaning</th>
          <th scope="col">By words</th>
          <th scope="col">Joined</th>
        </tr>
      </thead>
      <tbody>
        {hits.map((hit) => (
          <tr key={hit.rank} data-testid="place">
            <td>{hit.rank}</td>
            <th scope="row">
              <Link to={passageAddress(hit)} dir="auto">
                {hit.title}
              </Link>
              {hit.page !== null && `, page ${hit.page}`}
            </th>
            <td>{hit.dense_rank ?? "–"}</td>
            <td>{hit.sparse_rank ?? "–"}</td>
            <td>{hit.fused_rank ?? "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
