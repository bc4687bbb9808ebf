/** How the whole system gets on, for administrators: live figures, what is stuck, what failed, whether all is there. */

import { useQuery } from "@tanstack/react-query";
import { readStatus } from "@/api/operations";
import { NotFound } from "@/shell/not-found";
import { Heading, Page } from "@/shell/page";
import { useSignedIn } from "@/shell/session";
import { ErrorNotice, Skeleton } from "@/ui/notice";
import { Offline } from "@/ui/offline";
import { Attention } from "./attention";
import { Failures } from "./failures";
import { Figures } from "./figures";
import { Stages } from "./stages";
import { Verification } from "./verification";
import { Workers } from "./workers";

const EVERY_MS = 2_000;

export default function OperationsPage() {
  const me = useSignedIn();
  // The server decides; this only keeps an empty page from those for whom there is nothing here.
  return me.is_admin ? <Operations /> : <NotFound />;
}

function Operations() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => readStatus(signal),
    refetchInterval: EVERY_MS,
  });
  return (
    <Page title="Operations">
      <Heading hint="Measured by what workers have done, and anew every two seconds.">Operations</Heading>
      <Offline />
      {isPending && <Skeleton lines={8} />}
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && (
        <>
          <Attention status={data} />
          <Figures status={data} />
          <Stages status={data} />
          <Workers status={data} />
          <Failures status={data} />
          <Verification />
        </>
      )}
    </Page>
  );
}
