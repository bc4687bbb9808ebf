/** People and their groups, for administrators. */

import { UserPlus, UsersRound } from "lucide-react";
import { useState } from "react";
import { Heading, Page } from "@/shell/page";
import { NotFound } from "@/shell/not-found";
import { useSignedIn } from "@/shell/session";
import { Button } from "@/ui/button";
import { Empty, ErrorNotice, Skeleton } from "@/ui/notice";
import { SearchField } from "@/ui/search-field";
import { CreateUserDialog } from "./create-user-dialog";
import { usePeople } from "./people";
import { UserRow } from "./user-row";
import styles from "./users.module.css";

export default function UsersPage() {
  const me = useSignedIn();
  // The server decides; this only keeps an empty page from those for whom there is nothing here.
  return me.is_admin ? <People /> : <NotFound />;
}

function People() {
  const [email, setEmail] = useState("");
  const [creating, setCreating] = useState(false);
  const { data, isPending, error, refetch, hasNextPage, fetchNextPage } = usePeople(email);
  const people = data?.pages.flatMap((page) => page.items) ?? [];
  const add = (
    <Button weight="primary" onClick={() => setCreating(true)}>
      <UserPlus size={16} aria-hidden="true" /> Add a person
    </Button>
  );
  return (
    <Page title="People">
      <Heading hint="Groups decide which documents a person's answers may come from." actions={add}>
        People
      </Heading>
      <div className={styles.search}>
        <SearchField label="Find by e-mail address" value={email} onChange={setEmail} />
      </div>
      {isPending && <Skeleton lines={5} />}
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && people.length === 0 && <Empty icon={<UsersRound size={28} />} title="Nobody fits" />}
      {people.length > 0 && (
        <ul className={styles.list}>
          {people.map((user) => (
            <UserRow key={user.id} user={user} />
          ))}
        </ul>
      )}
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>Show more</Button>}
      <CreateUserDialog open={creating} onClose={() => setCreating(false)} />
    </Page>
  );
}
