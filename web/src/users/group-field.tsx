/** A person's groups: those that exist to choose from, and new ones by typing them. */

import { Combobox } from "@base-ui/react/combobox";
import { useQuery } from "@tanstack/react-query";
import { Check, X } from "lucide-react";
import { useId, useRef } from "react";
import { listGroups } from "@/api/users";
import field from "@/ui/field.module.css";
import popup from "@/ui/popup.module.css";
import { groupProblem, toGroup, type Groups } from "./group-names";
import styles from "./users.module.css";

interface GroupFieldProps {
  groups: Groups;
  onChange: (groups: Groups) => void;
}

export function GroupField({ groups, onChange }: GroupFieldProps) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const { chosen, typed } = groups;
  const { data } = useQuery({ queryKey: ["groups"], queryFn: ({ signal }) => listGroups(signal) });
  const names = data?.items.map((group) => group.name).filter((name) => groupProblem(name) === null) ?? [];
  const known = [...new Set([...names, ...chosen])].sort();
  const wanted = toGroup(typed);
  const problem = wanted && !chosen.includes(wanted) ? groupProblem(wanted) : null;
  // Enter takes the first: what was typed, not another group whose name holds it.
  const choices = wanted && !problem ? [wanted, ...known.filter((name) => name !== wanted)] : known;
  const choose = (next: string[], details: Combobox.Root.ChangeEventDetails) => {
    if (details.reason === "escape-key") {
      // It closes the dialog, as it does in other fields, and takes nobody out of a group.
      details.cancel();
      details.allowPropagation();
    } else if (details.reason === "item-press" && wanted && chosen.includes(wanted) && !next.includes(wanted)) {
      // Whoever types the name of a group wants it, also where it is chosen already.
      onChange({ chosen, typed: "" });
    } else {
      onChange({ chosen: next, typed: details.reason === "item-press" ? "" : typed });
    }
  };
  const type = (text: string, { reason }: Combobox.Root.ChangeEventDetails) => {
    // The list empties the field as it closes: what was typed would be lost on the way to the button.
    if (reason === "input-change") onChange({ chosen, typed: text });
  };
  return (
    <Combobox.Root
      items={choices}
      multiple
      autoHighlight
      value={chosen}
      onValueChange={choose}
      inputValue={typed}
      onInputValueChange={type}
    >
      <div className={field.field}>
        <label className={field.label} htmlFor={id}>
          Groups
        </label>
        <Combobox.Chips ref={box} className={`${field.input ?? ""} ${styles.chips ?? ""}`}>
          {chosen.map((group) => (
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
            placeholder={chosen.length === 0 ? "Choose or type a group" : ""}
            aria-describedby={problem ? `${id}-problem` : undefined}
            aria-invalid={problem ? true : undefined}
          />
        </Combobox.Chips>
        {problem && (
          <p id={`${id}-problem`} role="status" className={styles.problem}>
            {problem}
          </p>
        )}
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
