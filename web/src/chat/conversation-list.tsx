/** Earlier conversations, newest first, in the sidebar. */

import { MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { NavLink, useNavigate, useParams } from "react-router";
import type { Conversation } from "@/api/types";
import { IconButton } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { useKeptFocus } from "@/ui/kept-focus";
import { Menu, MenuItem } from "@/ui/menu";
import { Skeleton } from "@/ui/notice";
import { say, sayError } from "@/ui/toasts";
import { useConversations, useDeleteConversation } from "./conversations";
import { RenameDialog } from "./rename-dialog";
import styles from "./conversation-list.module.css";

export function ConversationList({ onOpen }: { onOpen?: () => void }) {
  const { data, isPending, isError, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useConversations();
  const conversations = data?.pages.flatMap((page) => page.items) ?? [];
  const list = useRef<HTMLElement>(null);
  const kept = useKeptFocus(list);
  return (
    <section className={styles.section} aria-label="Conversations" ref={list} {...kept}>
      <h2 className={styles.title}>Conversations</h2>
      {isPending && <Skeleton lines={3} />}
      {isError && (
        <button type="button" className={styles.more} onClick={() => void refetch()}>
          Could not be loaded. Try again
        </button>
      )}
      {data && conversations.length === 0 && <p className={styles.none}>What you ask will be kept here.</p>}
      <ul>
        {conversations.map((conversation) => (
          <Item key={conversation.id} conversation={conversation} onOpen={onOpen} />
        ))}
      </ul>
      {hasNextPage && (
        <button
          type="button"
          className={styles.more}
          disabled={isFetchingNextPage}
          onClick={() => void fetchNextPage()}
        >
          Show earlier ones
        </button>
      )}
    </section>
  );
}

function Item({ conversation, onOpen }: { conversation: Conversation; onOpen: (() => void) | undefined }) {
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const title = conversation.title || "Untitled";
  const close = () => setDialog(null);
  const trigger = (
    <IconButton hint={false} small label={`More about “${title}”`} className={styles.menu}>
      <MoreHorizontal size={15} />
    </IconButton>
  );
  return (
    <li className={styles.item} data-testid="conversation">
      <NavLink to={`/c/${conversation.id}`} className={styles.link} onClick={onOpen} title={title} dir="auto">
        {title}
      </NavLink>
      <Menu trigger={trigger}>
        <MenuItem icon={<Pencil size={15} />} onClick={() => setDialog("rename")}>
          Rename
        </MenuItem>
        <MenuItem icon={<Trash2 size={15} />} danger onClick={() => setDialog("delete")}>
          Delete
        </MenuItem>
      </Menu>
      <RenameDialog conversation={conversation} open={dialog === "rename"} onClose={close} />
      <DeleteDialog conversation={conversation} open={dialog === "delete"} onClose={close} />
    </li>
  );
}

interface DialogProps {
  conversation: Conversation;
  open: boolean;
  onClose: () => void;
}

function DeleteDialog({ conversation, open, onClose }: DialogProps) {
  const remove = useDeleteConversation();
  const navigate = useNavigate();
  const { conversationId } = useParams();
  const confirm = () =>
    remove.mutate(conversation.id, {
      onSuccess: () => {
        onClose();
        say("Conversation deleted");
        if (conversationId === conversation.id) void navigate("/");
      },
      onError: sayError,
    });
  return (
    <Confirm
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      busy={remove.isPending}
      title="Delete this conversation?"
      description={`“${conversation.title}” and its answers will be gone for good. The documents stay.`}
      action="Delete"
    />
  );
}
