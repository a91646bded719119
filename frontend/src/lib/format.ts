// Times, lengths and names as people read them. All take the instant, so that tests need no clock.

const pad = (value: number): string => String(value).padStart(2, "0");

/** The local calendar day of an instant, YYYY-MM-DD. */
export function localDay(instant: string | Date): string {
  const date = new Date(instant);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function dayTitle(day: string, now: Date): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const then = new Date(year, month - 1, date);
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const days = Math.round((today.getTime() - then.getTime()) / 86_400_000);
  const near = days === 0 || days === 1;
  const name = then.toLocaleDateString(undefined, { ...(near ? {} : { weekday: "long" }), day: "numeric", month: "long", ...(year !== now.getFullYear() ? { year: "numeric" } : {}) });
  if (days === 0) return `Today, ${name}`;
  if (days === 1) return `Yesterday, ${name}`;
  return name;
}

export function clockTime(instant: string): string {
  const date = new Date(instant);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

export function dateTime(instant: string): string {
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** 7 s, 1 min 05 s, 2 h 03 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

/** The player's clock: 0:07, 12:34, 1:02:03. */
export function playTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

export function between(start: string, end: string): number {
  return Math.max(0, (Date.parse(end) - Date.parse(start)) / 1000);
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(0)} kB`;
  if (count < 1_000_000_000) return `${(count / 1_000_000).toFixed(1)} MB`;
  return `${(count / 1_000_000_000).toFixed(1)} GB`;
}

/** How long ago, coarse on purpose: it is read, not measured. */
export function ago(instant: string, now: Date): string {
  const seconds = (now.getTime() - Date.parse(instant)) / 1000;
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

export function labelName(label: string): string {
  const words = label.replace(/_/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function percent(score: number): string {
  return `${Math.round(score * 100)} %`;
}

/** A codec's name as its standard writes it. */
export function codecName(codec: string): string {
  const names: Record<string, string> = { h264: "H.264", hevc: "H.265", h265: "H.265", av1: "AV1", mjpeg: "MJPEG" };
  return names[codec.toLowerCase()] ?? (codec || "unknown");
}
