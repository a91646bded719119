// What a page shows when it has something to say: banners, status pills, empty and error states, skeletons.
import type { ReactNode } from "react";
import { Button } from "./Button";
import { cx } from "./cx";
import { Icon, type IconName } from "./icons";

export type Tone = "neutral" | "ok" | "lamp" | "danger" | "primary";

const tones: Record<Tone, string> = {
  neutral: "bg-sunken text-soft",
  ok: "bg-ok-wash text-ok",
  lamp: "bg-lamp-wash text-lamp",
  danger: "bg-danger-wash text-danger",
  primary: "bg-primary-wash text-primary",
};

interface PillProps {
  tone?: Tone;
  icon?: IconName;
  live?: boolean;
  children: ReactNode;
  testId?: string;
  title?: string;
}

export function Pill({ tone = "neutral", icon, live, children, testId, title }: PillProps) {
  return (
    <span title={title} data-testid={testId} className={cx("inline-flex items-center gap-1.5 rounded-full px-2.5 py-0.5 text-xs font-medium whitespace-nowrap", tones[tone])}>
      {live && <span className="size-2 animate-lamp rounded-full bg-lamp-glow" aria-hidden="true" />}
      {icon && <Icon name={icon} size={14} />}
      {children}
    </span>
  );
}

interface BannerProps {
  tone: Tone;
  icon?: IconName;
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
  alarm?: boolean;
}

export function Banner({ tone, icon = "info", title, children, action, alarm }: BannerProps) {
  return (
    <div role={alarm ? "alert" : "status"} className={cx("flex flex-wrap items-start gap-x-3 gap-y-2 rounded-md px-4 py-3", tones[tone], alarm && "border-2 border-danger")}>
      <Icon name={icon} className="mt-0.5" />
      <div className="min-w-0 flex-1 basis-60">
        {title && <p className="font-semibold">{title}</p>}
        {children && <div className="text-sm text-ink">{children}</div>}
      </div>
      {action}
    </div>
  );
}

interface StateProps {
  icon: IconName;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  testId?: string;
}

export function EmptyState({ icon, title, children, action, testId }: StateProps) {
  return (
    <div data-testid={testId} className="grid justify-items-center gap-3 rounded-lg border border-dashed border-line px-6 py-14 text-center">
      <span className="grid size-14 place-items-center rounded-full bg-primary-wash text-primary">
        <Icon name={icon} size={26} />
      </span>
      <h2 className="text-lg font-semibold">{title}</h2>
      {children && <div className="max-w-md text-soft">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div role="alert" className="grid justify-items-center gap-3 rounded-lg border border-line bg-surface px-6 py-12 text-center">
      <span className="grid size-14 place-items-center rounded-full bg-danger-wash text-danger">
        <Icon name="warning" size={26} />
      </span>
      <h2 className="text-lg font-semibold">That did not work</h2>
      <p className="max-w-md text-soft">{sentence(error)}</p>
      {retry && (
        <Button icon="refresh" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** The sentence a person is shown for an error: ours say what to do; an unknown one is not passed through. */
export function sentence(error: unknown): string {
  if (error instanceof Error && "sentence" in error && typeof error.sentence === "string") return error.sentence;
  if (error instanceof TypeError) return "The server cannot be reached from here. Check this device's connection, then try again.";
  return "Something unexpected happened in this page. Reload it; if it happens again, please report it.";
}

export function Skeleton({ className }: { className?: string }) {
  return <div className={cx("skeleton rounded-md", className)} aria-hidden="true" />;
}

export function Panel({ title, action, children, className, testId }: { title?: string; action?: ReactNode; children: ReactNode; className?: string; testId?: string }) {
  return (
    <section data-testid={testId} className={cx("rounded-lg border border-line bg-surface p-5 shadow-card sm:p-6", className)}>
      {(title || action) && (
        <header className="mb-4 flex flex-wrap items-center justify-between gap-2">
          {title && <h2 className="text-lg font-semibold">{title}</h2>}
          {action}
        </header>
      )}
      {children}
    </section>
  );
}

export function PageHeader({ title, lead, children }: { title: string; lead?: ReactNode; children?: ReactNode }) {
  return (
    <header className="mb-6 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <title>{`${title} · Guardian`}</title>
      <div>
        <h1 className="text-xl font-semibold sm:text-2xl">{title}</h1>
        {lead && <p className="mt-1 text-soft">{lead}</p>}
      </div>
      {children}
    </header>
  );
}
