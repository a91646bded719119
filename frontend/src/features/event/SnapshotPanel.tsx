// The snapshot with the box of what was detected. The box comes from the edge's signed event, not from the server's summary.
import { useId, useState } from "react";
import type { GuardianEvent } from "@/api/types";
import { pictureRef } from "@/features/media/refs";
import { usePicture } from "@/features/media/usePicture";
import { labelName, percent } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Panel, Pill, sentence } from "@/ui/Feedback";
import { cx } from "@/ui/cx";
import { Icon } from "@/ui/icons";
import { useVault } from "@/app/vault";
import type { SignedEventBody } from "@/vault";
import { boxClass, boxPlace, type BoxShape } from "./box";

interface Props {
  event: GuardianEvent;
  signed: SignedEventBody | undefined;
  failure: unknown;
  retry: () => void;
}

export function SnapshotPanel({ event, signed, failure, retry }: Props) {
  const trusted = useVault((state) => state.vault?.roster.edges.has(event.edge_id) ?? false);
  const ref = pictureRef(event, "snapshot");
  const { picture, retry: again } = usePicture(ref, "snapshot", trusted);
  const best = signed?.best;

  return (
    <Panel title="Snapshot" className="sm:p-5" action={signed && <Pill tone="ok" icon="shield">Signed by your edge</Pill>}>
      <div data-testid="event-snapshot" data-state={picture.state} className="relative overflow-hidden rounded-md bg-sunken">
        {picture.state === "open" ? (
          <>
            <img src={picture.url} alt={`Snapshot: ${labelName(event.label)} on ${event.camera_name || event.camera_id}`} width={picture.width} height={picture.height} className="block h-auto w-full" />
            {best?.box && <Box label={event.label} score={best.score} box={best.box} />}
          </>
        ) : (
          <div className="grid aspect-video content-center justify-items-center gap-3 p-6 text-center text-faint">
            <Icon name={picture.state === "failed" ? "warning" : "lid"} size={28} />
            {picture.state === "failed" ? (
              <>
                <p role="alert">{sentence(picture.error)}</p>
                <Button icon="refresh" onClick={again}>
                  Try again
                </Button>
              </>
            ) : !trusted ? (
              "Sealed: this edge is not confirmed, or not any more."
            ) : ref ? (
              "Opening…"
            ) : (
              "No snapshot was made of this event."
            )}
          </div>
        )}
      </div>
      {failure ? (
        <div className="mt-3 flex flex-wrap items-center justify-between gap-2 text-sm text-danger" role="alert">
          <span>No boxes: {sentence(failure)}</span>
          <Button icon="refresh" onClick={retry}>
            Try again
          </Button>
        </div>
      ) : null}
    </Panel>
  );
}

interface BoxProps {
  label: string;
  score: number;
  box: BoxShape;
}

/** Tapped, hovered or focused, the box says what was seen and how sure the detector was. */
function Box({ label, score, box }: BoxProps) {
  const [pinned, setPinned] = useState(false);
  const tip = useId();
  // Above the box where there is room, else below it, else inside: never outside the picture.
  const place = box.y >= 0.14 ? "bottom-full mb-1" : box.y + box.height <= 0.86 ? "top-full mt-1" : "bottom-1 ml-1";
  const side = box.x + box.width / 2 > 0.6 ? "right-[-2px]" : "left-[-2px]";
  return (
    <button
      type="button"
      data-testid="event-box"
      aria-describedby={tip}
      aria-label={`Detected: ${labelName(label)}`}
      aria-pressed={pinned}
      onClick={() => setPinned(!pinned)}
      className={cx("group absolute transition-colors hover:bg-lamp-glow/10", boxClass)}
      style={boxPlace(box)}
    >
      <span
        id={tip}
        role="tooltip"
        className={cx(
          "pointer-events-none absolute rounded-sm bg-lamp-glow px-1.5 py-0.5 text-xs font-semibold whitespace-nowrap text-[#201405] transition-opacity group-hover:opacity-100 group-focus-visible:opacity-100",
          place,
          side,
          pinned ? "opacity-100" : "opacity-0 max-sm:opacity-100",
        )}
      >
        {labelName(label)}, {percent(score)} sure
      </span>
    </button>
  );
}
