import { createContext } from "react";

/** Opens the sidebar where the screen is too narrow to show it always. */
export const SidebarContext = createContext<() => void>(() => undefined);
