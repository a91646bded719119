// Under the player: when in the clip the object was in the picture, each stretch a button that goes there; faintly, the clip's other events.
import { Link } from "react-router";
import type { GuardianEvent } from "@/api/types";
import { between, clockTime, labelName, percent, playTime } from "@/lib/format";
import type { SignedEventBody } from "@/vault";
import { stretches } from "./path";
import { useNeighbours } from "./useNeighbours";

interface Props {
  event: GuardianEvent;
  signed: SignedEventBody | undefined;
  clipId: string;
  clipStart: string;
  length: number;
  current: number;
  onSeek: (seconds: number) => void;
}

const MOST_NAMED = 6;

const share = (value: number, of: number): string => `${Math.min(100, Math.max(0, (value / of) * 100))}%`;

export function ClipTimeline({ event, signed, clipId, clipStart, length, current, onSeek }: Props) {
  const others = useNeighbours(event, clipId, clipStart, length);
  if (!(length > 0)) return null;
  const found = signed ? stretches(signed.path, clipStart, length) : [];
  if (found.length === 0 && others.length === 0) return null;
  const name = labelName(event.label);
  return (
    <div className="border-b border-line px-4 py-3 sm:px-5">
      <p className="mb-2 flex justify-between gap-3 text-xs text-faint">
        <span>{name} in the picture</span>
        {found.length > 0 && <span>{found.length === 1 ? "one stretch" : `${found.length} stretches`}, tap to go there</span>}
      </p>
      <div className="relative h-8 rounded-sm bg-sunken" data-testid="detection-path">
        {others.map((other) => {
          const from = signedBetween(clipStart, other.start);
          const to = other.end ? signedBetween(clipStart, other.end) : length;
          return <span key={other.id} aria-hidden="true" className="absolute inset-y-2.5 min-w-1 rounded-sm bg-line-strong/35" style={{ left: share(from, length), width: share(Math.max(0, Math.min(to, length) - Math.max(from, 0)), length) }} />;
        })}
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
      {others.length > 0 && (
        <p className="mt-2 flex flex-wrap items-center gap-x-4 text-sm text-faint" data-testid="clip-neighbours">
          <span className="flex items-center gap-2">
            <span className="inline-block h-2.5 w-4 rounded-sm bg-line-strong/35" aria-hidden="true" /> Also in this clip
          </span>
          {others.slice(0, MOST_NAMED).map((other) => (
            <Link key={other.id} to={`/events/${other.id}`} className="inline-flex min-h-8 items-center gap-1.5 text-primary hover:underline">
              {labelName(other.label)} <span className="font-mono">{clockTime(other.start)}</span>
            </Link>
          ))}
          {others.length > MOST_NAMED && <span>and {others.length - MOST_NAMED} more</span>}
        </p>
      )}
    </div>
  );
}

/** Seconds from the clip's beginning; below zero before it. */
function signedBetween(clipStart: string, instant: string): number {
  return clipStart <= instant ? between(clipStart, instant) : -between(instant, clipStart);
}
