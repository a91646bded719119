// Where a clip is opened: a moment before the event of this page, which may be one of several in it.
import { between } from "@/lib/format";

const LEAD = 1.5;
const LEFT = 0.5;

/** Seconds from the clip's first picture. */
export function opensAt(eventStart: string, clipStart: string, length: number): number {
  const begins = between(clipStart, eventStart) - LEAD;
  return Math.max(0, Math.min(begins, length - LEFT));
}

/** Where to go on when a clip that grew is opened again, and whether it was playing. */
export interface Resume {
  time: number;
  play: boolean;
}
