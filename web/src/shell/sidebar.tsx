/** Where one can go: a new question, the documents, earlier conversations, and the account. */

import { Activity, Database, FileText, SquarePen, UsersRound, X } from "lucide-react";
import type { ReactNode } from "react";
import { Link, NavLink } from "react-router";
import { ConversationList } from "@/chat/conversation-list";
import { IconButton } from "@/ui/button";
import { AccountMenu } from "./account-menu";
import { useSignedIn } from "./session";
import { Wordmark } from "./wordmark";
import styles from "./sidebar.module.css";

interface SidebarProps {
  /** In a drawer: closes it. Called when a link was followed, too. */
  onLeave?: () => void;
}

export function Sidebar({ onLeave }: SidebarProps) {
  const me = useSignedIn();
  return (
    <nav className={styles.sidebar} aria-label="Main">
      <div className={styles.top}>
        <Link to="/" className={styles.brand} onClick={onLeave}>
          <Wordmark />
        </Link>
        {onLeave && (
          <IconButton label="Close menu" onClick={onLeave}>
            <X size={18} />
          </IconButton>
        )}
      </div>
      <div className={styles.places}>
        <Place to="/" icon={<SquarePen size={16} />} onClick={onLeave}>
          New question
        </Place>
        <Place to="/documents" icon={<FileText size={16} />} onClick={onLeave}>
          Documents
        </Place>
        {me.is_admin && (
          <>
            <Place to="/data-sources" icon={<Database size={16} />} onClick={onLeave}>
              Data sources
            </Place>
            <Place to="/users" icon={<UsersRound size={16} />} onClick={onLeave}>
              People
            </Place>
            <Place to="/operations" icon={<Activity size={16} />} onClick={onLeave}>
              Operations
            </Place>
          </>
        )}
      </div>
      <ConversationList onOpen={onLeave} />
      <AccountMenu />
    </nav>
  );
}

interface PlaceProps {
  to: string;
  icon: ReactNode;
  onClick: (() => void) | undefined;
  children: ReactNode;
}

function Place({ to, icon, onClick, children }: PlaceProps) {
  return (
    <NavLink to={to} end={to === "/"} className={styles.place} onClick={onClick}>
      {icon}
      {children}
    </NavLink>
  );
}
