/** The chat: a new question, or a conversation with what was asked in it. */

import { useParams } from "react-router";
import { NewQuestion } from "./new-question";
import { Thread } from "./thread";

export function ChatPage() {
  const { conversationId } = useParams();
  return conversationId ? <Thread key={conversationId} id={conversationId} /> : <NewQuestion />;
}
