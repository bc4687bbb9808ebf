/** A box to tick, with its label and what it means. */

import { Checkbox as Base } from "@base-ui/react/checkbox";
import { Check } from "lucide-react";
import styles from "./field.module.css";

interface CheckboxProps {
  label: string;
  hint?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Checkbox({ label, hint, checked, onChange }: CheckboxProps) {
  return (
    <label className={styles.checkbox}>
      <Base.Root className={styles.box} checked={checked} onCheckedChange={onChange}>
        <Base.Indicator>
          <Check size={13} />
        </Base.Indicator>
      </Base.Root>
      <span>
        {label}
        {hint && <span className={styles.hint}> {hint}</span>}
      </span>
    </label>
  );
}
