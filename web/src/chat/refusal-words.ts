/** Why there is no answer, in words, for the eye and for the ear. Knows nothing of how they look. */

import type { Answer } from "@/api/types";

type Refusal = Answer["refusal"] | undefined;

const WORDS = {
  no_evidence: {
    title: "No document that you may read answers this",
    detail:
      "So there is no answer rather than a guess. Other words may find it, or a document that holds the answer is not open to you.",
  },
  unclear_question: {
    title: "The question is not clear enough to search for",
    detail: "Say what it is about in a full sentence: the subject, the place or the product.",
  },
  which_one: {
    title: "Which one do you mean?",
    detail:
      "Nothing that you may read answers this as it is asked, but several documents may be meant. Choose one to ask again with its name.",
  },
  model_unavailable: {
    title: "The language model is not available",
    detail: "The passages below come closest. Ask again in a few minutes for a written answer.",
  },
};

/** Whether the question may mean several documents, of which one is to be chosen. */
export function asksBack(refusal: Refusal): boolean {
  return refusal?.reason === "unclear_question" && refusal.closest.length > 0;
}

export function refusalWords(refusal: Refusal): { title: string; detail: string } {
  return WORDS[asksBack(refusal) ? "which_one" : (refusal?.reason ?? "no_evidence")];
}
