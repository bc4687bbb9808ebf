/** The account: theme, password, sign out. */

import { ChevronsUpDown, KeyRound, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";
import { Menu, MenuChoice, MenuItem, MenuSeparator } from "@/ui/menu";
import { sayError } from "@/ui/toasts";
import { PasswordDialog } from "./password-dialog";
import { leaveSession, useSignedIn } from "./session";
import { useTheme, type Theme } from "./theme";
import styles from "./sidebar.module.css";

const THEMES: { value: Theme; label: string; icon: React.ReactNode }[] = [
  { value: "auto", label: "As the system", icon: <Monitor size={16} /> },
  { value: "light", label: "Light", icon: <Sun size={16} /> },
  { value: "dark", label: "Dark", icon: <Moon size={16} /> },
];

export function AccountMenu() {
  const me = useSignedIn();
  const [theme, setTheme] = useTheme();
  const [password, setPassword] = useState(false);
  const name = me.name || me.email;
  const trigger = (
    <button type="button" className={styles.account} data-testid="account-menu">
      <span className={styles.avatar} aria-hidden="true">
        {initials(name)}
      </span>
      <span className={styles.who}>
        <span>{name}</span>
        {me.name && <span>{me.email}</span>}
      </span>
      <ChevronsUpDown size={15} aria-hidden="true" />
    </button>
  );
  return (
    <>
      <Menu trigger={trigger} side="top" align="start">
        <MenuChoice label="Appearance" value={theme} options={THEMES} onChange={setTheme} />
        <MenuSeparator />
        {!me.signs_in_elsewhere && (
          <MenuItem icon={<KeyRound size={16} />} onClick={() => setPassword(true)}>
            {me.has_password ? "Change password" : "Set a password"}
          </MenuItem>
        )}
        <MenuItem icon={<LogOut size={16} />} onClick={() => void leaveSession().catch(sayError)}>
          Sign out
        </MenuItem>
      </Menu>
      <PasswordDialog open={password} onClose={() => setPassword(false)} />
    </>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s.@_-]+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words[1] : undefined].map((word) => Array.from(word ?? "")[0] ?? "");
  return letters.join("").toUpperCase();
}
