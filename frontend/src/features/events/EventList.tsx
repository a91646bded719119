// Days and cards. Only the rows near the viewport are in the page, so that a hundred thousand events scroll like ten.
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { GuardianEvent } from "@/api/types";
import { dayTitle } from "@/lib/format";
import { useColumns } from "@/lib/useColumns";
import { EventCard } from "./EventCard";
import type { DayGroup } from "./merge";
import { rowsOf, type Row } from "./rows";

interface Props {
  groups: DayGroup[];
  /** Earlier events are still to be loaded. */
  more: boolean;
  arrived: ReadonlySet<string>;
  back: string;
}

const PHONE_ROW = 102;
const DAY_ROW = 64;
const ROWS_AHEAD = 4;

export function EventList({ groups, more, arrived, back }: Props) {
  const columns = useColumns();
  const rows = useMemo(() => rowsOf(groups, columns), [groups, columns]);
  const list = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ top: 0, width: 0 });
  useLayoutEffect(() => {
    const node = list.current;
    if (!node) return;
    const measure = (): void => {
      const box = node.getBoundingClientRect();
      const next = { top: Math.round(box.top + window.scrollY), width: Math.round(box.width) };
      setPlace((before) => (before.top === next.top && before.width === next.width ? before : next));
    };
    measure();
    if (typeof ResizeObserver !== "function") return;
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    // What stands above the list (filters, alarms) moves it without changing its size.
    if (node.parentElement?.parentElement) observer.observe(node.parentElement.parentElement);
    return () => observer.disconnect();
  }, []);

  const cardRow = columns === 1 ? PHONE_ROW : ((place.width / columns) * 9) / 16 + 86;
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => (rows[index]?.kind === "day" ? DAY_ROW : cardRow),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: ROWS_AHEAD,
    scrollMargin: place.top,
  });

  return (
    <div ref={list} className="relative" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map((item) => {
        const row = rows[item.index];
        return (
          row && (
            <div key={item.key} ref={virtual.measureElement} data-index={item.index} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start - place.top}px)` }}>
              {row.kind === "day" ? <Day row={row} more={more} /> : <Cards events={row.events} arrived={arrived} back={back} />}
            </div>
          )
        );
      })}
    </div>
  );
}

function Day({ row, more }: { row: Extract<Row, { kind: "day" }>; more: boolean }) {
  return (
    <h2 className="flex items-baseline gap-3 pt-2 pb-4 font-semibold">
      {dayTitle(row.day, new Date())}
      <span className="text-sm font-normal whitespace-nowrap text-faint">
        {row.count} {row.count === 1 ? "event" : "events"}
        {more && row.last ? " so far" : ""}
      </span>
      <span className="h-px flex-1 self-center bg-line" aria-hidden="true" />
    </h2>
  );
}

interface CardsProps {
  events: GuardianEvent[];
  arrived: ReadonlySet<string>;
  back: string;
}

const Cards = memo(
  function Cards({ events, arrived, back }: CardsProps) {
    return (
      <ul className="grid gap-3 pb-3 sm:grid-cols-2 sm:gap-5 sm:pb-5 xl:grid-cols-3">
        {events.map((event) => (
          <EventCard key={event.id} event={event} fresh={arrived.has(event.id)} back={back} />
        ))}
      </ul>
    );
  },
  (a, b) => a.back === b.back && a.arrived === b.arrived && a.events.length === b.events.length && a.events.every((event, index) => event === b.events[index]),
);
