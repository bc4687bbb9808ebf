/** What can be done with a data source: pause or resume it, change schedule and readers, remove it. */

import { MoreHorizontal, Pause, Play, Settings2, Trash2 } from "lucide-react";
import { useState } from "react";
import type { DataSource, DataSourceSetup } from "@/api/types";
import { IconButton } from "@/ui/button";
import { Menu, MenuItem, MenuSeparator } from "@/ui/menu";
import { sayError } from "@/ui/toasts";
import { ChangeSourceDialog } from "./change-source-dialog";
import { useChangeSource } from "./data-sources";
import { RemoveSourceDialog } from "./remove-source-dialog";

interface SourceMenuProps {
  source: DataSource;
  setup: DataSourceSetup;
}

export function SourceMenu({ source, setup }: SourceMenuProps) {
  const [dialog, setDialog] = useState<"change" | "remove" | null>(null);
  const change = useChangeSource();
  const close = () => setDialog(null);
  const { name } = source;
  const trigger = (
    <IconButton hint={false} small label={`More about ${name}`} data-testid="source-menu">
      <MoreHorizontal size={17} />
    </IconButton>
  );
  return (
    <>
      <Menu trigger={trigger}>
        <MenuItem
          icon={setup.paused ? <Play size={16} /> : <Pause size={16} />}
          onClick={() => change.mutate({ name, paused: !setup.paused }, { onError: sayError })}
        >
          {setup.paused ? "Resume" : "Pause"}
        </MenuItem>
        <MenuItem icon={<Settings2 size={16} />} onClick={() => setDialog("change")}>
          Schedule and readers
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon={<Trash2 size={16} />} danger onClick={() => setDialog("remove")}>
          Remove
        </MenuItem>
      </Menu>
      <ChangeSourceDialog name={name} setup={setup} open={dialog === "change"} onClose={close} />
      <RemoveSourceDialog source={source} open={dialog === "remove"} onClose={close} />
    </>
  );
}
