/** Short messages in the corner, for what happened elsewhere than where one looks. */

import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { explain } from "@/api/problem";
import { buttonClass } from "./button";
import styles from "./toasts.module.css";

const toasts = Toast.createToastManager();

export function say(title: string): void {
  toasts.add({ title });
}

export function sayError(error: unknown): void {
  const { title, detail } = explain(error);
  toasts.add({ title, description: detail, type: "error", priority: "high", timeout: 9000 });
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={styles.viewport}>
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  return Toast.useToastManager().toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast} swipeDirection={["right", "down"]}>
      <Toast.Content className={styles.content}>
        <Toast.Title className={styles.title} />
        <Toast.Description className={styles.description} />
      </Toast.Content>
      <Toast.Close aria-label="Dismiss" className={buttonClass({ weight: "ghost", small: true }, true)}>
        <X size={15} />
      </Toast.Close>
    </Toast.Root>
  ));
}
