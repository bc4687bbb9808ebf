/** The question before the documents of many vanished items are deleted. */

import { Confirm } from "@/ui/dialog";
import { say, sayError } from "@/ui/toasts";
import { useSyncSource } from "./data-sources";
import { documentsWord } from "./uploaded-row";

interface ConfirmDeletionsProps {
  name: string;
  count: number;
  open: boolean;
  onClose: () => void;
}

export function ConfirmDeletions({ name, count, open, onClose }: ConfirmDeletionsProps) {
  const sync = useSyncSource();
  const confirm = () =>
    sync.mutate(
      { name, confirm: true },
      {
        onSuccess: () => {
          onClose();
          say(`${name} is synced, deletions included`);
        },
        onError: sayError,
      },
    );
  return (
    <Confirm
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      busy={sync.isPending}
      title={`Delete ${documentsWord(count)} of ${name}?`}
      description="A new sync deletes every document whose item is gone from the source by then."
      action={`Delete ${count.toLocaleString("en")}`}
    />
  );
}
