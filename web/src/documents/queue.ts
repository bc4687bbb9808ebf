/** The queue in words. */

import type { QueueLength } from "@/api/types";
import { duration } from "@/text/time";

/** "412 wait, 2 are being read · about 8 min left"; null where nothing is to be done. */
export function queueWords({ waiting, running, remaining_s }: QueueLength): string | null {
  if (waiting + running === 0) return null;
  const counts = [
    waiting > 0 && `${waiting.toLocaleString("en")} ${waiting === 1 ? "waits" : "wait"}`,
    running > 0 && `${running.toLocaleString("en")} ${running === 1 ? "is" : "are"} being read`,
  ].filter(Boolean);
  const left =
    remaining_s === null ? "" : ` · ${remaining_s < 5 ? "a few seconds" : `about ${duration(remaining_s)}`} left`;
  return counts.join(", ") + left;
}
