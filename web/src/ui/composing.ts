/** Keys of an input method, with which one chooses a character. */

import type { KeyboardEvent } from "react";

/**
 * Whether a key belongs to an input method. Safari ends the composition before the key comes that chooses: only its old
 * code, 229, tells it then.
 */
export function isComposing({ nativeEvent }: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- Nothing else tells it there.
  return nativeEvent.isComposing || nativeEvent.keyCode === 229;
}
