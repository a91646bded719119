// Under the player: when in the clip the object was in the picture. Each stretch is a button that goes there.
import { labelName, percent, playTime } from "@/lib/format";
import type { SignedEventBody } from "@/vault";
import { stretches } from "./path";

interface Props {
  signed: SignedEventBody;
  clipStart: string;
  length: number;
  current: number;
  onSeek: (seconds: number) => void;
}

const share = (value: number, of: number): string => `${Math.min(100, Math.max(0, (value / of) * 100))}%`;

export function DetectionPath({ signed, clipStart, length, current, onSeek }: Props) {
  if (!(length > 0)) return null;
  const found = stretches(signed.path, clipStart, length);
  if (found.length === 0) return null;
  const name = labelName(signed.label);
  return (
    <div className="border-b border-line px-4 py-3 sm:px-5">
      <p className="mb-2 flex justify-between text-xs text-faint">
        <span>{name} in the picture</span>
        <span>{found.length === 1 ? "one stretch" : `${found.length} stretches`}, tap to go there</span>
      </p>
      <div className="relative h-8 rounded-sm bg-sunken" data-testid="detection-path">
        {found.map((stretch) => (
          <button
            key={stretch.from}
            type="button"
            onClick={() => onSeek(Math.max(0, stretch.from))}
            title={`${name}, ${percent(stretch.top)} sure at ${playTime(stretch.at)}`}
            aria-label={`${name} from ${playTime(stretch.from)} to ${playTime(stretch.to)}, up to ${percent(stretch.top)} sure. Go there.`}
            className="absolute inset-y-1.5 min-w-2 rounded-sm bg-lamp-glow hover:brightness-110"
            style={{ left: share(stretch.from, length), width: share(stretch.to - stretch.from, length) }}
          />
        ))}
        <span className="pointer-events-none absolute inset-y-0 w-0.5 bg-ink" style={{ left: share(current, length) }} aria-hidden="true" />
      </div>
    </div>
  );
}
