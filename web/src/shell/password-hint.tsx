/**
 * For those who came by a one-time link: without a password, the next sign-in needs another link. Whom a sign-in
 * provider knows can have none.
 */

import { useState } from "react";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { PasswordDialog } from "./password-dialog";
import { useSignedIn } from "./session";

export function PasswordHint() {
  const me = useSignedIn();
  const [open, setOpen] = useState(false);
  const [later, setLater] = useState(false);
  if (me.has_password || me.signs_in_elsewhere || later) return null;
  const actions = (
    <>
      <Button small onClick={() => setOpen(true)}>
        Set a password
      </Button>
      <Button small weight="ghost" onClick={() => setLater(true)}>
        Later
      </Button>
    </>
  );
  return (
    <>
      <Notice title="You signed in with a one-time link" actions={actions}>
        Set a password to sign in again without asking for another link.
      </Notice>
      <PasswordDialog open={open} onClose={() => setOpen(false)} />
    </>
  );
}
