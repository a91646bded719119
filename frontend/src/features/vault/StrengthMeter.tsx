// Says in a word, a sentence and four bars how strong a secret is.
import { cx } from "@/ui/cx";
import { strengthOf } from "./strength";

const colours = ["bg-danger", "bg-lamp-glow", "bg-primary", "bg-ok"];

export function StrengthMeter({ secret }: { secret: string }) {
  if (!secret) return null;
  const { level, word, advice } = strengthOf(secret);
  return (
    <div className="grid gap-1.5 text-sm" aria-live="polite">
      <div className="grid grid-cols-4 gap-1" aria-hidden="true">
        {[0, 1, 2, 3].map((step) => (
          <span key={step} className={cx("h-1 rounded-full", step <= level ? colours[level] : "bg-line")} />
        ))}
      </div>
      <p className="text-soft">
        <strong className="font-semibold text-ink">{word}.</strong> {advice}
      </p>
    </div>
  );
}
