/** Takes a data source away, with its documents or without. */

import { useState } from "react";
import type { DataSource } from "@/api/types";
import { Checkbox } from "@/ui/checkbox";
import { Confirm } from "@/ui/dialog";
import { say, sayError } from "@/ui/toasts";
import { useRemoveSource } from "./data-sources";
import { documentsWord } from "./uploaded-row";

interface RemoveSourceDialogProps {
  source: DataSource;
  open: boolean;
  onClose: () => void;
}

export function RemoveSourceDialog({ source, open, onClose }: RemoveSourceDialogProps) {
  const [keep, setKeep] = useState(false);
  const remove = useRemoveSource();
  const { name, documents } = source;
  const confirm = () =>
    remove.mutate(
      { name, keep },
      {
        onSuccess: ({ deleted, kept }) => {
          onClose();
          say(`${name} is removed; ${documentsWord(keep ? kept : deleted)} ${keep ? "kept" : "deleted"}`);
        },
        onError: sayError,
      },
    );
  return (
    <Confirm
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      busy={remove.isPending}
      title={`Remove ${name}?`}
      description={
        keep
          ? `It is synced no more. Its ${documentsWord(documents)} stay as if they had been uploaded.`
          : `It is synced no more, and its ${documentsWord(documents)} can no longer be found or cited.`
      }
      action={keep ? "Remove, keep documents" : "Remove with its documents"}
    >
      <Checkbox label="Keep its documents" checked={keep} onChange={setKeep} />
    </Confirm>
  );
}
