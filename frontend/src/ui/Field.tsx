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

interface CheckProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "type"> {
  label: string;
  hint?: ReactNode;
}

/** One thing that is so or not, with what follows from it. */
export function CheckField({ label, hint, className, ...rest }: CheckProps) {
  const id = useId();
  return (
    <div className={cx("grid grid-cols-[auto_minmax(0,1fr)] items-start gap-x-3", className)}>
      <input id={id} type="checkbox" className="mt-3 size-5 accent-primary" aria-describedby={hint ? `${id}-hint` : undefined} {...rest} />
      <label htmlFor={id} className="flex min-h-11 items-center text-sm font-medium">
        {label}
      </label>
      {hint && (
        <p id={`${id}-hint`} className="col-start-2 -mt-1.5 text-sm text-faint">
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  name: string;
  choices: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, all of them in sight. */
export function ChoiceField<T extends string>({ legend, name, choices, value, onChange }: ChoiceProps<T>) {
  return (
    <fieldset className="flex flex-wrap gap-2">
      <legend className="sr-only">{legend}</legend>
      {choices.map(([each, label]) => (
        <label
          key={each}
          className={cx(
            "flex min-h-11 cursor-pointer items-center gap-2.5 rounded-md border px-4 text-sm has-focus-visible:outline-2 has-focus-visible:outline-offset-2",
            value === each ? "border-primary bg-primary-wash font-semibold text-primary" : "border-line text-soft hover:border-line-strong",
          )}
        >
          <input type="radio" name={name} value={each} checked={value === each} onChange={() => onChange(each)} className="accent-primary" />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

/** For password managers and assistive technology: whose secret a form asks for. */
export function HiddenUsername({ name }: { name: string }) {
  return <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />;
}
