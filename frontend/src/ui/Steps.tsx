// Where one is in a sequence.
import { cx } from "./cx";
import { Icon } from "./icons";

export function Steps({ names, current }: { names: string[]; current: number }) {
  return (
    <ol className="flex gap-2" aria-label="Steps">
      {names.map((name, index) => (
        <li key={name} aria-current={index === current ? "step" : undefined} className="flex-1">
          <span className={cx("block h-1 rounded-full", index <= current ? "bg-primary" : "bg-line")} aria-hidden="true" />
          <span className={cx("mt-2 flex items-center gap-1 text-xs sm:text-sm", index === current ? "font-semibold text-ink" : "text-faint")}>
            {index < current && <Icon name="ok" size={14} className="text-primary" />}
            {name}
            {index < current && <span className="sr-only"> (done)</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
