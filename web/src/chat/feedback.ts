/** Whether an answer helped. The rating is shown at once and taken back if the server did not take it. */

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { rateAnswer, type Rating } from "@/api/conversations";
import { say, sayError } from "@/ui/toasts";

export function useFeedback(answerId: string) {
  const [rating, setRating] = useState<Rating | null>(null);
  const [comment, setComment] = useState(false);
  const send = useMutation({
    mutationFn: ({ next, text }: { next: Rating; text?: string; before: Rating | null }) =>
      rateAnswer(answerId, next, text),
    onError: (error, { before }) => {
      setRating(before);
      sayError(error);
    },
    onSuccess: (_, { text }) => {
      if (text === undefined) return;
      setComment(false);
      say("Thank you");
    },
  });
  const rate = (next: Rating, text?: string) => {
    setRating(next);
    if (text === undefined) setComment(next === "down");
    send.mutate({ next, text, before: rating });
  };
  return { rating, rate, busy: send.isPending, comment, closeComment: () => setComment(false) };
}
