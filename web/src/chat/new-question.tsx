/** Where everyone starts: the question field, and three questions to try. */

import { useQuery } from "@tanstack/react-query";
import { ArrowUpRight } from "lucide-react";
import { Link, useNavigate } from "react-router";
import { listDocuments } from "@/api/documents";
import { Page } from "@/shell/page";
import { PasswordHint } from "@/shell/password-hint";
import { useSignedIn } from "@/shell/session";
import { ErrorNotice, Notice } from "@/ui/notice";
import { Composer } from "./composer";
import { useAskNew } from "./conversations";
import { useDraft } from "./drafts";
import styles from "./new-question.module.css";

const EXAMPLES = [
  "How many days of annual leave do I have, and can I carry them over?",
  "What do I do when I lose my laptop?",
  "Who has to approve a travel expense over 1,000 euros?",
];

export function NewQuestion() {
  const me = useSignedIn();
  const navigate = useNavigate();
  const draft = `new.${me.id}`;
  const [text, setText] = useDraft(draft);
  const askNew = useAskNew(draft);
  const submit = (question: string) => askNew.mutate(question, { onSuccess: ({ id }) => void navigate(`/c/${id}`) });
  const first = me.name.split(" ")[0];
  return (
    <Page title="Footnote" narrow>
      <div className={styles.page}>
        <h1 className={styles.title}>
          {first ? `What would you like to know, ${first}?` : "What would you like to know?"}
        </h1>
        <p className={styles.lead}>Every sentence of an answer shows the passage that it rests on.</p>
        <Composer value={text} onChange={setText} onSubmit={submit} busy={askNew.isPending} />
        {askNew.isError && <ErrorNotice error={askNew.error} onRetry={() => submit(askNew.variables)} />}
        <ul className={styles.examples} aria-label="Questions to try">
          {EXAMPLES.map((example) => (
            <li key={example}>
              <button
                type="button"
                className={styles.example}
                disabled={askNew.isPending}
                onClick={() => submit(example)}
              >
                {example}
                <ArrowUpRight size={16} aria-hidden="true" />
              </button>
            </li>
          ))}
        </ul>
        <NoDocuments />
        <PasswordHint />
      </div>
    </Page>
  );
}

function NoDocuments() {
  const { data } = useQuery({
    queryKey: ["documents", "any"],
    queryFn: ({ signal }) => listDocuments({ q: "", state: "" }, null, signal),
  });
  if (!data || data.items.length > 0) return null;
  return (
    <Notice title="There are no documents that you may read yet">
      <Link to="/documents">Upload some</Link>, or ask for access to those that you need.
    </Notice>
  );
}
