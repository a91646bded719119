// Form fields: a label, the control, a hint, an error; tied together for assistive technology.
import { useId, useState, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from "react";
import { cx } from "./cx";
import { Icon } from "./icons";

const control =
  "w-full min-h-11 rounded-md border border-line-strong bg-surface px-3 text-base text-ink placeholder:text-faint " +
  "aria-invalid:border-danger disabled:opacity-60";

interface FrameProps {
  label: string;
  hint?: ReactNode;
  error?: string | null | undefined;
  hideLabel?: boolean;
}

function Frame({ id, label, hint, error, hideLabel, children }: FrameProps & { id: string; children: ReactNode }) {
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className={hideLabel ? "sr-only" : "text-sm font-medium"}>
        {label}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-faint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="flex items-start gap-1.5 text-sm text-danger">
          <Icon name="warning" size={16} className="mt-0.5" />
          <span>{error}</span>
        </p>
      )}
    </div>
  );
}

function described(id: string, hint: unknown, error: unknown): string | undefined {
  return [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ") || undefined;
}

type InputProps = FrameProps & InputHTMLAttributes<HTMLInputElement>;

export function TextField({ label, hint, error, hideLabel, className, ...rest }: InputProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} hideLabel={hideLabel ?? false}>
      <input id={id} className={cx(control, className)} aria-invalid={error ? true : undefined} aria-describedby={described(id, hint, error)} {...rest} />
    </Frame>
  );
}

export function SecretField({ label, hint, error, hideLabel, className, ...rest }: InputProps) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <Frame id={id} label={label} hint={hint} error={error} hideLabel={hideLabel ?? false}>
      <span className="relative block">
        <input
          id={id}
          type={shown ? "text" : "password"}
          spellCheck={false}
          autoCapitalize="none"
          className={cx(control, "pr-12", className)}
          aria-invalid={error ? true : undefined}
          aria-describedby={described(id, hint, error)}
          {...rest}
        />
        <button
          type="button"
          className="absolute inset-y-0 right-0 flex w-11 items-center justify-center rounded-md text-faint hover:text-ink"
          aria-label={shown ? `Hide: ${label}` : `Show: ${label}`}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? "lid" : "eye"} />
        </button>
      </span>
    </Frame>
  );
}

type SelectProps = FrameProps & SelectHTMLAttributes<HTMLSelectElement>;

export function SelectField({ label, hint, error, hideLabel, className, children, ...rest }: SelectProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} hideLabel={hideLabel ?? false}>
      <select id={id} className={cx(control, "pr-8", className)} {...rest}>
        {children}
      </select>
    </Frame>
  );
}

/** For password managers and assistive technology: whose secret a form asks for. */
export function HiddenUsername({ name }: { name: string }) {
  return <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />;
}
