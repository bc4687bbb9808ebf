/** Which source the pointer or the focus is at, so that a citation and its card light up together. */

import { createContext, useContext, type Dispatch, type ReactNode, type SetStateAction } from "react";

type State = [number | null, Dispatch<SetStateAction<number | null>>];

const Context = createContext<State>([null, () => undefined]);

export function ActiveSource({ value, children }: { value: State; children: ReactNode }) {
  return <Context value={value}>{children}</Context>;
}

/** Whether this source is the active one, and the handlers that make it so. */
export function useActiveSource(number: number) {
  const [active, setActive] = useContext(Context);
  const enter = () => setActive(number);
  const leave = () => setActive((current) => (current === number ? null : current));
  return {
    active: active === number,
    handlers: { onPointerEnter: enter, onPointerLeave: leave, onFocus: enter, onBlur: leave },
  };
}
