/** Who may read: people and groups as a list that one adds to and takes from. */

import { X } from "lucide-react";
import { useState, type KeyboardEvent } from "react";
import { useSignedIn } from "@/shell/session";
import { Button, IconButton } from "@/ui/button";
import { TextField } from "@/ui/field";
import { grantLabel, toGrant } from "./access";
import styles from "./access-dialog.module.css";

interface GrantFieldProps {
  grants: string[];
  onChange: (grants: string[]) => void;
}

export function GrantField({ grants, onChange }: GrantFieldProps) {
  const { groups, email } = useSignedIn();
  const [text, setText] = useState("");
  const typed = toGrant(text);
  const suggestions = ["everyone", ...groups.map((group) => `group:${group}`), `user:${email}`];
  const add = (grant: string) => onChange(grants.includes(grant) ? grants : [...grants, grant]);
  const addTyped = () => {
    if (!typed) return;
    add(typed);
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    // Not the form around it: what was typed is one reader, no whole answer.
    event.preventDefault();
    addTyped();
  };
  return (
    <>
      <ul className={styles.grants} aria-label="May read it">
        {grants.map((grant) => (
          <li key={grant} className={styles.grant} data-testid="grant">
            {grantLabel(grant)}
            <IconButton
              small
              label={`Remove ${grantLabel(grant)}`}
              onClick={() => onChange(grants.filter((one) => one !== grant))}
            >
              <X size={14} />
            </IconButton>
          </li>
        ))}
      </ul>
      <div className={styles.add}>
        <div className={styles.addRow}>
          <TextField
            label="Add a person or a group"
            placeholder="name@company.com or a group"
            maxLength={250}
            value={text}
            onChange={setText}
            onKeyDown={onKeyDown}
          />
          <Button onClick={addTyped} disabled={!typed}>
            Add
          </Button>
        </div>
        <div className={styles.suggestions}>
          {suggestions
            .filter((suggestion) => !grants.includes(suggestion))
            .map((suggestion) => (
              <Button key={suggestion} small onClick={() => add(suggestion)}>
                + {grantLabel(suggestion)}
              </Button>
            ))}
        </div>
      </div>
    </>
  );
}
