// A media element's Range header: one range from a known byte, as players send it.

export interface Range {
  readonly start: number;
  /** Exclusive; null: open. */
  readonly end: number | null;
}

export function parseRange(header: string | null): Range | null {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(header ?? "");
  if (match === null) return null;
  const start = Number(match[1]);
  const end = match[2] === undefined ? null : Number(match[2]) + 1;
  return end !== null && end <= start ? null : { start, end };
}
