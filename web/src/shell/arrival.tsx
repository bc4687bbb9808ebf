/** Tells screen readers which page one has come to: the focus may stay with the link that led there. */

import { createContext, useCallback, useState } from "react";

interface Told {
  path: string;
  title: string;
  /** A page that the window was opened at is named by the window's own title. */
  isNews: boolean;
}

/** Called by each page as soon as its title is known, and as it changes. */
export const ArrivalContext = createContext<(path: string, title: string) => void>(() => undefined);

export function useArrival() {
  const [told, setTold] = useState<Told | null>(null);
  const tell = useCallback((path: string, title: string) => {
    setTold((before) => ({ path, title, isNews: before !== null && (before.isNews || before.path !== path) }));
  }, []);
  return { told, tell };
}

/** There also while it is empty: what is said in a place that was not there before is not read out. */
export function Arrival({ told }: { told: Told | null }) {
  return (
    <p role="status" className="visually-hidden" data-testid="arrival">
      {told?.isNews && (
        // Made anew for each page: two may have one title.
        <span key={told.path} dir="auto">
          {told.title}
        </span>
      )}
    </p>
  );
}
