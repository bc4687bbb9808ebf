/** Light, dark, or as the system says. `public/theme.js` applies the same choice before the first paint. */

import { useState } from "react";

export type Theme = "auto" | "light" | "dark";

const KEY = "footnote.theme";

function chosen(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "auto";
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(chosen);
  const choose = (next: Theme) => {
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Storage is blocked: the choice holds until the page is closed.
    }
    setTheme(next);
  };
  return [theme, choose];
}
