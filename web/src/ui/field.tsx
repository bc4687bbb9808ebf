/** Form fields with their labels. */

import { Field } from "@base-ui/react/field";
import { Select as Base } from "@base-ui/react/select";
import { Check, ChevronDown } from "lucide-react";
import type { ComponentPropsWithRef } from "react";
import styles from "./field.module.css";
import popup from "./popup.module.css";

interface TextFieldProps extends Omit<ComponentPropsWithRef<"input">, "onChange" | "value" | "defaultValue"> {
  label: string;
  hint?: string;
  value: string;
  onChange: (value: string) => void;
}

export function TextField({ label, hint, value, onChange, ...rest }: TextFieldProps) {
  return (
    <Field.Root className={styles.field}>
      <Field.Label className={styles.label}>{label}</Field.Label>
      <Field.Control className={styles.input} value={value} onValueChange={onChange} {...rest} />
      {hint && <Field.Description className={styles.hint}>{hint}</Field.Description>}
    </Field.Root>
  );
}

interface TextAreaProps {
  label: string;
  hint?: string;
  value: string;
  onChange: (value: string) => void;
}

/** Several lines of text. */
export function TextArea({ label, hint, value, onChange }: TextAreaProps) {
  return (
    <Field.Root className={styles.field}>
      <Field.Label className={styles.label}>{label}</Field.Label>
      <Field.Control
        className={`${styles.input ?? ""} ${styles.area ?? ""}`}
        value={value}
        onValueChange={onChange}
        render={<textarea rows={3} spellCheck={false} />}
      />
      {hint && <Field.Description className={styles.hint}>{hint}</Field.Description>}
    </Field.Root>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  className?: string;
}

/** A choice of few. The label is for assistive technology only: what is chosen speaks for itself. */
export function Select<T extends string>({ label, value, options, onChange, className = "" }: SelectProps<T>) {
  return (
    <Base.Root<T> items={[...options]} value={value} onValueChange={(next) => next !== null && onChange(next)}>
      <Base.Trigger className={`${styles.select ?? ""} ${className}`} aria-label={label}>
        <Base.Value />
        <Base.Icon>
          <ChevronDown size={16} />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className={popup.positioner} alignItemWithTrigger={false} sideOffset={6} align="start">
          <Base.Popup className={popup.menu}>
            {options.map((option) => (
              <Base.Item key={option.value} value={option.value} className={popup.item}>
                <Base.ItemText>{option.label}</Base.ItemText>
                <Base.ItemIndicator className={popup.itemEnd}>
                  <Check size={15} />
                </Base.ItemIndicator>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
