/** The frame around all pages of a signed-in person: sidebar, or a drawer where the screen is narrow. */

import { Dialog } from "@base-ui/react/dialog";
import { Suspense, useCallback, useRef, useState } from "react";
import { Outlet, useLocation } from "react-router";
import { Skeleton } from "@/ui/notice";
import popup from "@/ui/popup.module.css";
import { Arrival, ArrivalContext, useArrival } from "./arrival";
import { Crash, CrashNotice } from "./crash";
import { Page } from "./page";
import { useScrollMemory } from "./scroll-memory";
import { Sidebar } from "./sidebar";
import { SidebarContext } from "./sidebar-context";
import styles from "./shell.module.css";

export function Shell() {
  const [drawer, setDrawer] = useState(false);
  const opener = useRef<Element>(null);
  const openedAt = useRef("");
  const open = useCallback(() => {
    opener.current = document.activeElement;
    openedAt.current = window.location.pathname;
    setDrawer(true);
  }, []);
  // Whoever goes elsewhere by the menu goes on at the start of that page: the button that opened it goes with this one,
  // at once or when the other page is loaded. The dialog itself would give the focus to the first button in there.
  const focusAfter = () => {
    if (openedAt.current === window.location.pathname && opener.current?.isConnected) return true;
    document.getElementById("main")?.focus({ preventScroll: true });
    return false;
  };
  const { pathname } = useLocation();
  const { told, tell } = useArrival();
  useScrollMemory();
  return (
    <SidebarContext value={open}>
      <a href="#main" className={styles.skip}>
        Skip to content
      </a>
      <Arrival told={told} />
      <div className={styles.shell}>
        <div className={styles.sidebar}>
          <Sidebar />
        </div>
        <Dialog.Root open={drawer} onOpenChange={setDrawer}>
          <Dialog.Portal>
            <Dialog.Backdrop className={popup.backdrop} />
            <Dialog.Popup className={styles.drawer} aria-label="Menu" finalFocus={focusAfter}>
              <Sidebar onLeave={() => setDrawer(false)} />
            </Dialog.Popup>
          </Dialog.Portal>
        </Dialog.Root>
        <div className={styles.content}>
          <ArrivalContext value={tell}>
            <Crash at={pathname} fallback={<Crashed />}>
              <Suspense fallback={<Loading />}>
                <Outlet />
              </Suspense>
            </Crash>
          </ArrivalContext>
        </div>
      </div>
    </SidebarContext>
  );
}

function Crashed() {
  return (
    <Page title="Error">
      <CrashNotice />
    </Page>
  );
}

function Loading() {
  return (
    <Page title="Footnote" untitled>
      <Skeleton lines={4} />
    </Page>
  );
}
