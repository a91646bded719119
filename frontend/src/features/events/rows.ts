// The timeline as rows of one height each: a day's title, or as many cards as stand beside each other.
import type { GuardianEvent } from "@/api/types";
import type { DayGroup } from "./merge";

export type Row = { kind: "day"; key: string; day: string; count: number; last: boolean } | { kind: "cards"; key: string; events: GuardianEvent[] };

export function rowsOf(groups: readonly DayGroup[], columns: number): Row[] {
  const rows: Row[] = [];
  for (const [index, { day, events }] of groups.entries()) {
    rows.push({ kind: "day", key: day, day, count: events.length, last: index === groups.length - 1 });
    for (let at = 0; at < events.length; at += columns) {
      rows.push({ kind: "cards", key: `${day}/${at / columns}`, events: events.slice(at, at + columns) });
    }
  }
  return rows;
}
