// Play, seek, speed, volume, full screen, download. All reachable by keyboard; space and arrows work on the seek bar.
import { useId } from "react";
import { percent, playTime } from "@/lib/format";
import { Icon, type IconName } from "@/ui/icons";
import { Spinner } from "@/ui/Button";
import { cx } from "@/ui/cx";
import type { Video } from "./useVideo";

interface Props {
  video: Video;
  length: number;
  /** How much of a download is done, null when none is running. */
  saved: number | null;
  onFullscreen: () => void;
  onSave: () => void;
}

const speeds = [0.25, 0.5, 1, 1.5, 2, 4];

export function PlayerControls({ video, length, saved, onFullscreen, onSave }: Props) {
  const speed = useId();
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-1 bg-[#101615] px-3 py-2 text-white">
      <input
        type="range"
        aria-label="Position in the clip"
        aria-valuetext={`${playTime(video.time)} of ${playTime(length)}`}
        data-testid="seek-bar"
        min={0}
        max={length || 0}
        step={0.1}
        value={Math.min(video.time, length || 0)}
        onChange={(event) => video.seek(Number(event.target.value))}
        className="h-6 w-full cursor-pointer accent-[#f0b661]"
      />
      <div className="flex items-center sm:gap-x-1">
        <Control icon={video.paused ? "play" : "pause"} label={video.paused ? "Play" : "Pause"} testId="play-button" onClick={video.toggle} />
        <span className="px-1 font-mono text-sm whitespace-nowrap tabular" data-testid="play-time">
          {playTime(video.time)} <span className="text-white/65">/ {playTime(length)}</span>
        </span>
        <span className="ml-auto" />
        <label htmlFor={speed} className="sr-only">
          Speed
        </label>
        <select id={speed} value={video.rate} onChange={(event) => video.setRate(Number(event.target.value))} className="min-h-11 rounded-md bg-transparent text-sm sm:px-2 text-white [&>option]:bg-[#101615]">
          {speeds.map((rate) => (
            <option key={rate} value={rate}>
              {rate}×
            </option>
          ))}
        </select>
        <Control className="max-sm:hidden" icon={video.muted || video.volume === 0 ? "mute" : "volume"} label={video.muted ? "Sound on" : "Sound off"} onClick={() => video.setMuted(!video.muted)} />
        <input
          type="range"
          aria-label="Volume"
          min={0}
          max={1}
          step={0.05}
          value={video.muted ? 0 : video.volume}
          onChange={(event) => video.setVolume(Number(event.target.value))}
          className="w-20 cursor-pointer accent-[#f0b661] max-sm:hidden"
        />
        <Control icon="download" label={saved === null ? "Download the opened clip" : `Opening the clip to save it, ${percent(saved)}`} testId="download-button" busy={saved !== null} onClick={onSave} />
        <Control icon="expand" label="Full screen" onClick={onFullscreen} />
      </div>
    </div>
  );
}

interface ControlProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  testId?: string;
  busy?: boolean;
  className?: string;
}

function Control({ icon, label, onClick, testId, busy, className }: ControlProps) {
  return (
    <button type="button" aria-label={label} title={label} data-testid={testId} disabled={busy} onClick={onClick} className={cx("grid size-11 shrink-0 place-items-center rounded-md text-white hover:bg-white/15 focus-visible:outline-white", className)}>
      {busy ? <Spinner /> : <Icon name={icon} />}
    </button>
  );
}
