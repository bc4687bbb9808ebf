/** Whether an answer helped. The rating is shown at once and taken back if the server did not take it. */

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { rateAnswer, type Rating } from "@/api/conversations";
import { say, sayError } from "@/ui/toasts";

export function useFeedback(answerId: string) {
  const [rating, setRating] = useState<Rating | null>(null);
  const [comment, setComment] = useState(false);
  const send = useMutation({
    mutationFn: ({ rating, comment }: { rating: Rating; comment?: string }) => rateAnswer(answerId, rating, comment),
    onError: (error) => {
      setRating(null);
      sayError(error);
    },
  });
  const rate = (next: Rating, text?: string) => {
    setRating(next);
    setComment(next === "down" && text === undefined);
    send.mutate({ rating: next, comment: text }, { onSuccess: () => text !== undefined && say("Thank you") });
  };
  return { rating, rate, comment, closeComment: () => setComment(false) };
}
