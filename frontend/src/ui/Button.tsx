// Buttons and links that look like buttons.
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Link } from "react-router";
import { cx } from "./cx";
import { Icon, type IconName } from "./icons";

type Look = "primary" | "quiet" | "plain" | "danger";

const looks: Record<Look, string> = {
  primary: "bg-primary text-on-primary hover:bg-primary-strong border-transparent",
  quiet: "bg-surface text-ink border-line hover:border-line-strong",
  plain: "bg-transparent text-primary border-transparent hover:bg-primary-wash",
  danger: "bg-surface text-danger border-line hover:border-danger",
};

const shape =
  "inline-flex items-center justify-center gap-2 rounded-md border px-4 min-h-11 text-sm font-medium transition-colors " +
  "disabled:opacity-55 disabled:cursor-not-allowed aria-disabled:opacity-55";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  icon?: IconName;
  busy?: boolean;
}

export function Button({ look = "quiet", icon, busy = false, className, children, disabled, type = "button", ...rest }: ButtonProps) {
  return (
    <button type={type} className={cx(shape, looks[look], className)} disabled={disabled || busy} aria-busy={busy || undefined} {...rest}>
      {busy ? <Spinner /> : icon && <Icon name={icon} size={18} />}
      {children}
    </button>
  );
}

export function ButtonLink({ to, look = "quiet", icon, className, children }: { to: string; look?: Look; icon?: IconName; className?: string; children: ReactNode }) {
  return (
    <Link to={to} className={cx(shape, looks[look], className)}>
      {icon && <Icon name={icon} size={18} />}
      {children}
    </Link>
  );
}

interface DownloadProps {
  href: string;
  name: string;
  look?: Look;
  onClick?: () => void;
  testId?: string;
  children: ReactNode;
}

/** The browser's own download: it streams to the disk, shows how far it is, and goes on where it was cut off. */
export function DownloadLink({ href, name, look = "quiet", onClick, testId, children }: DownloadProps) {
  return (
    <a href={href} download={name} className={cx(shape, looks[look])} onClick={onClick} data-testid={testId}>
      <Icon name="download" size={18} />
      {children}
    </a>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName;
  label: string;
}

export function IconButton({ icon, label, className, type = "button", ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={cx("inline-flex size-11 items-center justify-center rounded-md text-soft transition-colors hover:bg-sunken hover:text-ink", className)}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}

export function Spinner({ size = 18 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" fill="none" className="animate-spin" aria-hidden="true">
      <circle cx="10" cy="10" r="7.5" stroke="currentColor" strokeOpacity=".25" strokeWidth="2.5" />
      <path d="M10 2.500a7.5 7.5 0 0 1 7.5 7.5" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
    </svg>
  );
}
