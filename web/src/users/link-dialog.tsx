/** A sign-in link, shown this once. */

import { useState } from "react";
import { Button } from "@/ui/button";
import { DialogFooter, Modal } from "@/ui/dialog";
import { copyText } from "@/ui/copy";
import styles from "./users.module.css";

interface LinkDialogProps {
  /** Null: not shown. */
  link: string | null;
  email: string;
  onClose: () => void;
}

export function LinkDialog({ link, email, onClose }: LinkDialogProps) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    if (await copyText(link ?? "")) setCopied(true);
  };
  return (
    <Modal
      open={link !== null}
      onClose={onClose}
      title="Sign-in link"
      description={`Send it to ${email}. It works once, and cannot be shown again when this is closed.`}
    >
      <code className={styles.link} data-testid="sign-in-link">
        {link}
      </code>
      <DialogFooter>
        <Button onClick={() => void copy()}>{copied ? "Copied" : "Copy"}</Button>
        <Button weight="primary" onClick={onClose}>
          Done
        </Button>
      </DialogFooter>
    </Modal>
  );
}
