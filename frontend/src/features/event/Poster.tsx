// Stands over the video until it is played: the snapshot with the box of what was detected.
import type { GuardianEvent } from "@/api/types";
import { pictureRef } from "@/features/media/refs";
import { usePicture } from "@/features/media/usePicture";
import type { SignedEventBody } from "@/vault";
import { boxClass, boxPlace } from "./box";

export function Poster({ event, signed }: { event: GuardianEvent; signed: SignedEventBody | undefined }) {
  const { picture } = usePicture(pictureRef(event, "snapshot"), "snapshot", true);
  if (picture.state !== "open") return null;
  const box = signed?.best?.box;
  return (
    <span className="pointer-events-none absolute inset-0 grid place-items-center overflow-hidden bg-black" data-testid="event-poster">
      <span className="relative block max-h-full" style={{ aspectRatio: `${picture.width} / ${picture.height}` }}>
        <img src={picture.url} alt="" className="block size-full object-contain" />
        {box && <span className={`absolute ${boxClass}`} style={boxPlace(box)} />}
      </span>
    </span>
  );
}
