/** What is known of how an answer was found, in sentences. Knows nothing of how they look. */

import type { Explanation } from "@/api/types";

/** "Evidence 0.83, and an answer needs 0.45." */
export function evidenceWords({ answer }: Explanation): string {
  if (!answer || answer.sufficiency === null || answer.threshold === null) return "";
  return `Evidence ${answer.sufficiency.toFixed(2)}, and an answer needs ${answer.threshold.toFixed(2)}.`;
}

/** What is not in the table, as numbers only. */
export function countWords({ withheld, dropped }: Explanation): string {
  const parts = [];
  if (withheld > 0) parts.push(`${passages(withheld)} that you may no longer read ${are(withheld)} not shown.`);
  if (dropped) parts.push(`${passages(dropped)} ${dropped === 1 ? "was" : "were"} no longer current and left out.`);
  return parts.join(" ");
}

/** "It took 12 ms: embed 8 ms, search 4 ms." */
export function timeWords({ timings_ms }: Explanation): string {
  const steps = Object.entries(timings_ms);
  if (steps.length === 0) return "";
  const total = steps.reduce((sum, [, took]) => sum + took, 0);
  return `The search took ${milliseconds(total)}: ${steps.map(([step, took]) => `${step} ${milliseconds(took)}`).join(", ")}.`;
}

const milliseconds = (took: number) => `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;
const passages = (count: number) => (count === 1 ? "1 passage" : `${count} passages`);
const are = (count: number) => (count === 1 ? "is" : "are");
