// Where in a clip the object was seen: detections as stretches of the clip's time.
import { seconds } from "./useSignedEvent";
import type { SignedEventBody } from "@/vault";

export interface Stretch {
  /** Seconds from the clip's first picture. */
  from: number;
  to: number;
  top: number;
  /** When the detector was surest. */
  at: number;
}

const GAP = 1.5;

export function stretches(path: SignedEventBody["path"], clipStart: string, length: number): Stretch[] {
  const origin = Date.parse(clipStart) / 1000;
  const found: Stretch[] = [];
  for (const detection of path) {
    const time = seconds(detection.time);
    if (time === null) continue;
    const at = time - origin;
    if (at < -0.5 || at > length + 0.5) continue;
    const last = found[found.length - 1];
    if (last && at - last.to <= GAP) {
      last.to = at;
      if (detection.score > last.top) Object.assign(last, { top: detection.score, at });
    } else {
      found.push({ from: at, to: at, top: detection.score, at });
    }
  }
  return found;
}
