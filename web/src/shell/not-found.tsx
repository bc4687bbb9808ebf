import { Compass } from "lucide-react";
import { ButtonLink } from "@/ui/button";
import { Empty } from "@/ui/notice";
import { Page } from "./page";

export function NotFound() {
  return (
    <Page title="Not found">
      <Empty
        icon={<Compass size={28} />}
        title="There is no such page"
        action={<ButtonLink to="/">Ask a question</ButtonLink>}
      >
        The address may be mistyped, or what was here is gone.
      </Empty>
    </Page>
  );
}
