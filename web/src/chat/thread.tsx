/** One conversation: its turns from first to last, and the field for the next question. */

import { MessageCircleOff } from "lucide-react";
import { useEffect, useRef } from "react";
import { ApiError } from "@/api/problem";
import { Page } from "@/shell/page";
import { ButtonLink } from "@/ui/button";
import { smoothly } from "@/ui/motion";
import { Empty, ErrorNotice, Skeleton } from "@/ui/notice";
import { Announcer } from "./announcer";
import { Composer } from "./composer";
import { useAsk, useConversationTitle, useTurns } from "./conversations";
import { keepDraft, useDraft } from "./drafts";
import { TurnView } from "./turn-view";
import { dropGivenUp, overFrom, stop, type Turn } from "./turns";
import styles from "./thread.module.css";

export function Thread({ id }: { id: string }) {
  const { turns, isPending, error, refetch } = useTurns(id);
  const title = useConversationTitle(id) ?? turns[0]?.question ?? "Conversation";
  const [text, setText] = useDraft(id);
  const ask = useAsk(id);
  const last = turns.at(-1);
  const live = last?.phase === "searching" || last?.phase === "writing";
  const list = useScrollToLast(turns.length, last?.id);
  const dock = useRef<HTMLDivElement>(null);
  if (error) return <Unreadable error={error} onRetry={() => void refetch()} />;
  const submit = async (question: string) => {
    setText("");
    if (!(await ask(question))) keepDraft(id, question);
  };
  const askOver = async (turn: Turn, question: string) => {
    if (!(await ask(question, overFrom(turns, turn)))) {
      if (question !== turn.question) keepDraft(id, question);
      return;
    }
    // What had the focus is replaced; the field has the stop button beside it.
    const field = dock.current?.querySelector("textarea");
    if (window.matchMedia("(pointer: fine)").matches) field?.focus({ preventScroll: true });
  };
  const loadAgain = async (turn: Turn) => {
    if ((await refetch()).isError) return;
    dropGivenUp(id);
    keepDraft(id, turn.question);
  };
  return (
    <Page title={title} untitled={isPending}>
      <h1 className="visually-hidden" dir="auto">
        {title}
      </h1>
      <div className={styles.turns} ref={list}>
        {isPending && <Skeleton lines={6} />}
        {turns.map((turn, index) => (
          <TurnView
            key={turn.id}
            conversation={id}
            turn={turn}
            onAsk={live ? undefined : (question) => void askOver(turn, question)}
            onLoadAgain={() => void loadAgain(turn)}
            last={index === turns.length - 1}
          />
        ))}
      </div>
      <div className={styles.dock} data-dock ref={dock}>
        <Composer
          value={text}
          onChange={setText}
          onSubmit={(question) => void submit(question)}
          onStop={live ? () => stop(id) : undefined}
          busy={isPending}
          placeholder={turns.length > 0 ? "Ask a follow-up" : "Ask a question"}
        />
      </div>
      <Announcer turn={last} />
    </Page>
  );
}

/** Brings a new question to the top of the window, where its answer has room; on opening, the last one. */
function useScrollToLast(count: number, last: string | undefined) {
  const list = useRef<HTMLDivElement>(null);
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (last === before.current) return;
    const opening = before.current === undefined;
    before.current = last;
    if (opening && count === 1) return;
    list.current?.lastElementChild?.scrollIntoView({ block: "start", behavior: opening ? "auto" : smoothly() });
  }, [count, last]);
  return list;
}

function Unreadable({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <Page title="Conversation" narrow>
      {missing ? (
        <Empty
          icon={<MessageCircleOff size={28} />}
          title="This conversation does not exist"
          action={<ButtonLink to="/">Ask a question</ButtonLink>}
        >
          It may have been deleted, or it belongs to somebody else.
        </Empty>
      ) : (
        <ErrorNotice error={error} onRetry={onRetry} />
      )}
    </Page>
  );
}
