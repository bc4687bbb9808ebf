/** The frame of one page: its name in the window and in the bar, what can be done, and its content. */

import { Menu as MenuIcon, SquarePen } from "lucide-react";
import { useContext, useEffect, useRef, type ReactNode } from "react";
import { useLocation, useNavigate } from "react-router";
import { IconButton } from "@/ui/button";
import { ArrivalContext } from "./arrival";
import { SidebarContext } from "./sidebar-context";
import styles from "./page.module.css";

interface PageProps {
  /** In the window's title and in the bar of a narrow screen. */
  title: string;
  /** The title is not the page's own yet, so nobody is told it. */
  untitled?: boolean;
  /** Text column only, as wide as reads well. Default: the whole width. */
  narrow?: boolean;
  children: ReactNode;
}

export function Page({ title, untitled = false, narrow = false, children }: PageProps) {
  const openSidebar = useContext(SidebarContext);
  const navigate = useNavigate();
  const main = useRef<HTMLElement>(null);
  const { key, pathname } = useLocation();
  const arrived = key !== "default";
  const tell = useContext(ArrivalContext);
  useEffect(() => {
    // What had the focus went with the page before: keyboard and screen reader go on at the start of this one.
    if (arrived && document.activeElement === document.body) main.current?.focus({ preventScroll: true });
  }, [arrived]);
  useEffect(() => {
    if (!untitled) tell(pathname, title);
  }, [tell, pathname, title, untitled]);
  return (
    <>
      <title>{title === "Footnote" ? title : `${title} · Footnote`}</title>
      <header className={styles.bar}>
        <IconButton label="Open menu" onClick={openSidebar}>
          <MenuIcon size={19} />
        </IconButton>
        <p className={styles.barTitle} dir="auto">
          {title}
        </p>
        <IconButton label="New question" onClick={() => void navigate("/")}>
          <SquarePen size={18} />
        </IconButton>
      </header>
      <main
        id="main"
        ref={main}
        tabIndex={-1}
        className={narrow ? `${styles.main ?? ""} ${styles.narrow ?? ""}` : styles.main}
      >
        {children}
      </main>
    </>
  );
}

interface HeadingProps {
  children: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
}

export function Heading({ children, hint, actions }: HeadingProps) {
  return (
    <div className={styles.heading}>
      <div>
        <h1>{children}</h1>
        {hint && <p>{hint}</p>}
      </div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}
