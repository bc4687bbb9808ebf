/** One person: name, groups, and what an administrator can do. */

import { Ban, Link2, MoreHorizontal, RotateCcw, ShieldCheck, ShieldOff, UsersRound } from "lucide-react";
import { useState } from "react";
import type { User } from "@/api/types";
import { useSignedIn } from "@/shell/session";
import { IconButton } from "@/ui/button";
import { Menu, MenuItem, MenuSeparator } from "@/ui/menu";
import { sayError } from "@/ui/toasts";
import { GroupsDialog } from "./groups-dialog";
import { LinkDialog } from "./link-dialog";
import { useChangeUser, useNewLink } from "./people";
import styles from "./users.module.css";

export function UserRow({ user }: { user: User }) {
  const me = useSignedIn();
  const [groups, setGroups] = useState(false);
  const link = useNewLink();
  const change = useChangeUser();
  const { id, name, email, is_admin, disabled } = user;
  const trigger = (
    <IconButton hint={false} label={`More about ${email}`} small>
      <MoreHorizontal size={17} />
    </IconButton>
  );
  return (
    <li className={styles.row} data-testid="user" data-disabled={disabled || undefined}>
      <div className={styles.who}>
        <p className={styles.name}>{name || email}</p>
        {name && <p className={styles.email}>{email}</p>}
      </div>
      <Tags user={user} />
      <Menu trigger={trigger}>
        <MenuItem icon={<UsersRound size={16} />} onClick={() => setGroups(true)}>
          Groups
        </MenuItem>
        <MenuItem icon={<Link2 size={16} />} onClick={() => link.mutate(id, { onError: sayError })}>
          New sign-in link
        </MenuItem>
        {id !== me.id && (
          <>
            <MenuSeparator />
            <MenuItem
              icon={is_admin ? <ShieldOff size={16} /> : <ShieldCheck size={16} />}
              onClick={() => change.mutate({ id, is_admin: !is_admin }, { onError: sayError })}
            >
              {is_admin ? "No longer an administrator" : "Make an administrator"}
            </MenuItem>
            <MenuItem
              icon={disabled ? <RotateCcw size={16} /> : <Ban size={16} />}
              danger={!disabled}
              onClick={() => change.mutate({ id, disabled: !disabled }, { onError: sayError })}
            >
              {disabled ? "Let in again" : "Lock out"}
            </MenuItem>
          </>
        )}
      </Menu>
      <GroupsDialog user={user} open={groups} onClose={() => setGroups(false)} />
      <LinkDialog link={link.data?.url ?? null} email={email} onClose={link.reset} />
    </li>
  );
}

function Tags({ user }: { user: User }) {
  return (
    <p className={styles.tags}>
      {user.disabled && <span data-tone="danger">Locked out</span>}
      {user.is_admin && <span data-tone="accent">Administrator</span>}
      {user.groups.map((group) => (
        <span key={group}>{group}</span>
      ))}
    </p>
  );
}
