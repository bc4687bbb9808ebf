/** Who may read: people and groups as a list that one adds to and takes from. */

import { X } from "lucide-react";
import { useRef, type KeyboardEvent } from "react";
import { useSignedIn } from "@/shell/session";
import { Button, IconButton } from "@/ui/button";
import { isComposing } from "@/ui/composing";
import { TextField } from "@/ui/field";
import { useKeptFocus } from "@/ui/kept-focus";
import { grantLabel, toGrant, type Readers } from "./access";
import styles from "./access-dialog.module.css";

interface GrantFieldProps {
  readers: Readers;
  onChange: (readers: Readers) => void;
}

export function GrantField({ readers, onChange }: GrantFieldProps) {
  const { groups, email } = useSignedIn();
  const { grants, typed } = readers;
  const box = useRef<HTMLDivElement>(null);
  const kept = useKeptFocus(box);
  const meant = toGrant(typed);
  const suggestions = ["everyone", ...groups.map((group) => `group:${group}`), `user:${email}`];
  const setGrants = (next: string[]) => onChange({ ...readers, grants: next });
  const addTyped = () => {
    if (meant) onChange({ grants: grants.includes(meant) ? grants : [...grants, meant], typed: "" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || isComposing(event)) return;
    // Not the form around it: what was typed is one reader, no whole answer.
    event.preventDefault();
    addTyped();
  };
  return (
    <div className={styles.form} role="group" aria-label="Readers" ref={box} {...kept}>
      <ul className={styles.grants} aria-label="May read it">
        {grants.map((grant) => (
          <li key={grant} className={styles.grant} data-testid="grant">
            {grantLabel(grant)}
            <IconButton
              small
              label={`Remove ${grantLabel(grant)}`}
              onClick={() => setGrants(grants.filter((one) => one !== grant))}
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
            value={typed}
            onChange={(text) => onChange({ ...readers, typed: text })}
            onKeyDown={onKeyDown}
          />
          <Button onClick={addTyped} aria-disabled={!meant}>
            Add
          </Button>
        </div>
        {typed.trim() !== "" && !meant && (
          <p role="status" className={styles.problem}>
            This names nobody: write one e-mail address or one group, without spaces, commas and colons.
          </p>
        )}
        <div className={styles.suggestions}>
          {suggestions
            .filter((suggestion) => !grants.includes(suggestion))
            .map((suggestion) => (
              <Button key={suggestion} small onClick={() => setGrants([...grants, suggestion])}>
                + {grantLabel(suggestion)}
              </Button>
            ))}
        </div>
      </div>
    </div>
  );
}
