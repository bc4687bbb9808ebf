/** Dialogs: a modal form, and the question before something is lost. */

import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { Button } from "./button";
import popup from "./popup.module.css";

interface ModalProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
}

export function Modal({ open, onClose, title, description, children }: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={popup.backdrop} />
        <Dialog.Popup className={popup.dialog}>
          <div>
            <Dialog.Title className={popup.title}>{title}</Dialog.Title>
            {description && <Dialog.Description className={popup.description}>{description}</Dialog.Description>}
          </div>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export function DialogFooter({ children }: { children: ReactNode }) {
  return <div className={popup.footer}>{children}</div>;
}

interface ConfirmProps {
  open: boolean;
  title: string;
  description: ReactNode;
  action: string;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
  /** What else there is to decide. */
  children?: ReactNode;
}

export function Confirm({
  open,
  title,
  description,
  action,
  busy = false,
  onConfirm,
  onClose,
  children,
}: ConfirmProps) {
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={popup.backdrop} />
        <AlertDialog.Popup className={popup.dialog}>
          <div>
            <AlertDialog.Title className={popup.title}>{title}</AlertDialog.Title>
            <AlertDialog.Description className={popup.description}>{description}</AlertDialog.Description>
          </div>
          {children}
          <DialogFooter>
            <Button onClick={onClose}>Cancel</Button>
            <Button weight="danger" busy={busy} onClick={onConfirm} data-testid="confirm">
              {action}
            </Button>
          </DialogFooter>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
