/** Where the focus goes when what has it goes away: never to the top of the page. */

import { useEffect, useRef, type RefObject } from "react";

const isLost = () => document.activeElement === document.body;

/**
 * For a list whose rows go away: then the focus goes to the list. Gives what the list's element needs beside its ref;
 * whatever draws the rows calls this.
 */
export function useKeptFocus(list: RefObject<HTMLElement | null>) {
  const inside = useRef(false);
  useEffect(() => {
    if (inside.current && isLost()) list.current?.focus({ preventScroll: true });
  });
  return {
    tabIndex: -1,
    onFocus: () => {
      inside.current = true;
    },
    onBlur: () => {
      inside.current = false;
    },
  };
}

/** For a field that opens in the page: where it is left, the focus goes back to the button that opened it. */
export function useFocusBack(open: boolean) {
  const button = useRef<HTMLButtonElement>(null);
  const before = useRef(open);
  useEffect(() => {
    if (before.current && !open && isLost()) button.current?.focus({ preventScroll: true });
    before.current = open;
  }, [open]);
  return button;
}
