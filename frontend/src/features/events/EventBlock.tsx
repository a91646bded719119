// Two dozen cards that are laid out together, and only when near the viewport: what keeps a long timeline smooth.
import { memo } from "react";
import type { GuardianEvent } from "@/api/types";
import { EventCard } from "./EventCard";

/** Divisible by every number of columns, so that blocks follow each other without a gap. */
export const BLOCK = 24;

interface Props {
  events: GuardianEvent[];
  arrived: ReadonlySet<string>;
  back: string;
}

function same(a: Props, b: Props): boolean {
  return a.back === b.back && a.arrived === b.arrived && a.events.length === b.events.length && a.events.every((event, index) => event === b.events[index]);
}

export const EventBlock = memo(function EventBlock({ events, arrived, back }: Props) {
  return (
    <ul className="far -m-1.5 grid gap-3 p-1.5 sm:grid-cols-2 sm:gap-5 xl:grid-cols-3">
      {events.map((event) => (
        <EventCard key={event.id} event={event} fresh={arrived.has(event.id)} back={back} />
      ))}
    </ul>
  );
}, same);

export function blocksOf(events: GuardianEvent[]): GuardianEvent[][] {
  return Array.from({ length: Math.ceil(events.length / BLOCK) }, (_, index) => events.slice(index * BLOCK, (index + 1) * BLOCK));
}
