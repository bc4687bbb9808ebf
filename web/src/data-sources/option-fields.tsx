/** Fields for a connector's options, made from the server's description: what it needs first, the rest folded away. */

import type { ConnectorOption } from "@/api/types";
import { Checkbox } from "@/ui/checkbox";
import { TextArea, TextField } from "@/ui/field";
import { formOf, initialText, labelOf, type Typed } from "./options";
import styles from "./data-sources.module.css";

interface OptionFieldsProps {
  options: ConnectorOption[];
  typed: Typed;
  onChange: (name: string, text: string) => void;
}

export function OptionFields({ options, typed, onChange }: OptionFieldsProps) {
  const fieldsOf = (some: ConnectorOption[]) =>
    some.map((option) => (
      <OptionField
        key={option.name}
        option={option}
        text={typed[option.name] ?? initialText(option)}
        onChange={(text) => onChange(option.name, text)}
      />
    ));
  const more = options.filter(({ required }) => !required);
  return (
    <>
      {fieldsOf(options.filter(({ required }) => required))}
      {more.length > 0 && (
        <details className={styles.more}>
          <summary>More options</summary>
          <div className={styles.moreFields}>{fieldsOf(more)}</div>
        </details>
      )}
    </>
  );
}

interface OptionFieldProps {
  option: ConnectorOption;
  text: string;
  onChange: (text: string) => void;
}

function OptionField({ option, text, onChange }: OptionFieldProps) {
  const label = option.secret ? `${labelOf(option)}: name of a secret on the server` : labelOf(option);
  const common = { label, hint: option.description, value: text, onChange };
  switch (formOf(option)) {
    case "checkbox":
      return (
        <Checkbox
          label={labelOf(option)}
          hint={option.description}
          checked={text === "true"}
          onChange={(checked) => onChange(String(checked))}
        />
      );
    case "number":
      return <TextField {...common} type="number" step="any" />;
    case "lines":
      return <TextArea {...common} hint={`${option.description} One a line.`} />;
    case "json":
      return <TextArea {...common} hint={`${option.description} As JSON.`} />;
    default:
      return <TextField {...common} required={option.required} autoComplete="off" maxLength={2000} />;
  }
}
