/** A person's groups: those that exist to choose from, and new ones by typing them. */

import { Combobox } from "@base-ui/react/combobox";
import { useQuery } from "@tanstack/react-query";
import { Check, X } from "lucide-react";
import { useId, useRef, useState } from "react";
import { listGroups } from "@/api/users";
import field from "@/ui/field.module.css";
import popup from "@/ui/popup.module.css";
import styles from "./users.module.css";

interface GroupFieldProps {
  groups: string[];
  onChange: (groups: string[]) => void;
}

export function GroupField({ groups, onChange }: GroupFieldProps) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState("");
  const { data } = useQuery({ queryKey: ["groups"], queryFn: ({ signal }) => listGroups(signal) });
  const known = [...new Set([...(data?.items.map((group) => group.name) ?? []), ...groups])].sort();
  const wanted = typed.trim();
  const choices = wanted && !known.includes(wanted) ? [...known, wanted] : known;
  return (
    <Combobox.Root
      items={choices}
      multiple
      value={groups}
      onValueChange={onChange}
      inputValue={typed}
      onInputValueChange={setTyped}
    >
      <div className={field.field}>
        <label className={field.label} htmlFor={id}>
          Groups
        </label>
        <Combobox.Chips ref={box} className={`${field.input ?? ""} ${styles.chips ?? ""}`}>
          {groups.map((group) => (
            <Combobox.Chip key={group} className={styles.chip} aria-label={group}>
              {group}
              <Combobox.ChipRemove className={styles.chipRemove} aria-label={`Remove ${group}`}>
                <X size={12} />
              </Combobox.ChipRemove>
            </Combobox.Chip>
          ))}
          <Combobox.Input
            id={id}
            className={styles.chipInput}
            placeholder={groups.length === 0 ? "Choose or type a group" : ""}
          />
        </Combobox.Chips>
      </div>
      <Combobox.Portal>
        <Combobox.Positioner className={popup.positioner} anchor={box} align="start" sideOffset={6}>
          <Combobox.Popup className={popup.menu}>
            <Combobox.List>
              {(group: string) => (
                <Combobox.Item key={group} value={group} className={popup.item}>
                  {known.includes(group) ? group : `New group “${group}”`}
                  <Combobox.ItemIndicator className={popup.itemEnd}>
                    <Check size={15} />
                  </Combobox.ItemIndicator>
                </Combobox.Item>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
