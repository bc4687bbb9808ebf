/** Buttons, in four weights and two sizes, and links that look like them. */

import { Tooltip } from "@base-ui/react/tooltip";
import type { ComponentPropsWithRef, MouseEvent, ReactElement, ReactNode } from "react";
import { Link } from "react-router";
import styles from "./button.module.css";
import popup from "./popup.module.css";

type Weight = "primary" | "secondary" | "ghost" | "danger";

interface Look {
  weight?: Weight;
  small?: boolean;
}

export function buttonClass({ weight = "secondary", small = false }: Look, icon = false, extra = ""): string {
  return [styles.button, styles[weight], small && styles.small, icon && styles.icon, extra].filter(Boolean).join(" ");
}

interface ButtonProps extends ComponentPropsWithRef<"button">, Look {
  /** What it does is under way: it does nothing until that is over, and keeps the focus. */
  busy?: boolean;
}

export function Button({ weight, small, busy = false, className, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={buttonClass({ weight, small }, false, className)}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? doNothing : onClick}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

/** Nor does it send its form. */
function doNothing(event: MouseEvent): void {
  event.preventDefault();
}

interface IconButtonProps extends ComponentPropsWithRef<"button">, Look {
  label: string;
  /** False where the icon says it all, as three dots do. */
  hint?: boolean;
  children: ReactNode;
}

/** A button with an icon only: its label is its name and its tooltip. */
export function IconButton({
  weight = "ghost",
  small,
  label,
  hint = true,
  className,
  children,
  ...rest
}: IconButtonProps) {
  const button = (
    <button type="button" aria-label={label} className={buttonClass({ weight, small }, true, className)} {...rest}>
      {children}
    </button>
  );
  return hint ? <Hint text={label}>{button}</Hint> : button;
}

/** A tooltip on any element that takes focus. It repeats what the element's own name says, for eyes only. */
export function Hint({ text, children }: { text: string; children: ReactElement<Record<string, unknown>> }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={children} delay={500} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6}>
          <Tooltip.Popup className={popup.tooltip}>{text}</Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

interface ButtonLinkProps extends Look {
  to: string;
  children: ReactNode;
}

export function ButtonLink({ to, weight, small, children }: ButtonLinkProps) {
  return (
    <Link to={to} className={buttonClass({ weight, small })}>
      {children}
    </Link>
  );
}

export function Spinner() {
  return <span className={styles.spinner} aria-hidden="true" />;
}
