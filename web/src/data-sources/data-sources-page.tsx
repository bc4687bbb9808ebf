/** Where documents come from by themselves, for administrators: how each data source does, and what it needs. */

import { Database, Plus } from "lucide-react";
import { useState } from "react";
import { NotFound } from "@/shell/not-found";
import { Heading, Page } from "@/shell/page";
import { useSignedIn } from "@/shell/session";
import { Button } from "@/ui/button";
import { Empty, ErrorNotice, Skeleton } from "@/ui/notice";
import { Offline } from "@/ui/offline";
import { AddSourceDialog } from "./add-source-dialog";
import { useDataSources } from "./data-sources";
import { SourceRow } from "./source-row";
import { UploadedRow } from "./uploaded-row";
import styles from "./data-sources.module.css";

export default function DataSourcesPage() {
  const me = useSignedIn();
  // The server decides; this only keeps an empty page from those for whom there is nothing here.
  return me.is_admin ? <DataSources /> : <NotFound />;
}

function DataSources() {
  const [adding, setAdding] = useState(false);
  const { data, isPending, error, refetch } = useDataSources();
  const add = (
    <Button weight="primary" onClick={() => setAdding(true)} data-testid="add-source">
      <Plus size={16} aria-hidden="true" /> Add a data source
    </Button>
  );
  return (
    <Page title="Data sources">
      <Heading
        hint="Folders, web sites, repositories and mailboxes that are kept up to date by themselves."
        actions={add}
      >
        Data sources
      </Heading>
      <Offline />
      {isPending && <Skeleton lines={6} />}
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && data.items.length === 0 && (
        <Empty icon={<Database size={28} />} title="No data sources yet">
          Add a folder, a web site or a repository; what changes there changes here.
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <ul className={styles.list} aria-label="Data sources">
          {data.items.map((source) =>
            source.setup ? (
              <SourceRow key={source.name} source={source} setup={source.setup} />
            ) : (
              <UploadedRow key={source.name} source={source} />
            ),
          )}
        </ul>
      )}
      <AddSourceDialog open={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}
