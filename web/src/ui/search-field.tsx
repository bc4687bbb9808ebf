/** A field to find things in a list. What was typed is given on once typing pauses. */

import { Input } from "@base-ui/react/input";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import styles from "./field.module.css";

const PAUSE_MS = 250;

interface SearchFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function SearchField({ label, value, onChange }: SearchFieldProps) {
  const [text, setText] = useState(value);
  const [known, setKnown] = useState({ value, sent: value });
  if (known.value !== value) {
    // Only what comes from elsewhere, as from a link, takes the place of what is typed: not what was typed here before.
    setKnown({ value, sent: value });
    if (value !== known.sent) setText(value);
  }
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === value) return;
    const timer = setTimeout(() => {
      setKnown({ value, sent: wanted });
      onChange(wanted);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <div className={styles.search}>
      <Search size={16} aria-hidden="true" />
      <Input
        type="search"
        className={styles.input}
        aria-label={label}
        placeholder={label}
        maxLength={200}
        value={text}
        onValueChange={setText}
      />
    </div>
  );
}
