// Puts live events into the pages already loaded: newest first, each id once, the higher revision wins.
import type { EventFilters, EventPage, GuardianEvent } from "@/api/types";
import { matches } from "./filters";

/** Ids are UUIDv7: their text order is the order of time. */
function newerFirst(a: GuardianEvent, b: GuardianEvent): number {
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

export function mergeEvent(pages: readonly EventPage[], event: GuardianEvent, query: EventFilters): EventPage[] {
  const belongs = matches(event, query);
  let found = false;
  const merged = pages.map((page) => {
    const index = page.items.findIndex((item) => item.id === event.id);
    const known = page.items[index];
    if (!known) return page;
    found = true;
    if (known.revision > event.revision) return page;
    if (!belongs) return { ...page, items: page.items.filter((item) => item.id !== event.id) };
    if (known.revision === event.revision && known.counter >= event.counter) return page;
    const items = page.items.slice();
    items[index] = event;
    return { ...page, items };
  });
  if (found || !belongs) return merged;
  return insert(merged, event);
}

function insert(pages: EventPage[], event: GuardianEvent): EventPage[] {
  const last = pages.length - 1;
  const at = pages.findIndex((page, index) => {
    const oldest = page.items[page.items.length - 1];
    return (oldest !== undefined && oldest.id < event.id) || (index === last && page.next === null);
  });
  // Older than all that is loaded: it comes when its page does.
  if (at < 0) return pages;
  return pages.map((page, index) => (index === at ? { ...page, items: [...page.items, event].sort(newerFirst) } : page));
}

/** All events of the pages, each once: a page fetched while events arrive may overlap the one before it. */
export function flatten(pages: readonly EventPage[]): GuardianEvent[] {
  const byId = new Map<string, GuardianEvent>();
  for (const page of pages) {
    for (const item of page.items) {
      const known = byId.get(item.id);
      if (!known || known.revision < item.revision) byId.set(item.id, item);
    }
  }
  return [...byId.values()].sort(newerFirst);
}

export interface DayGroup {
  day: string;
  events: GuardianEvent[];
}

/** Consecutive events of one local day. */
export function byDay(events: readonly GuardianEvent[], dayOf: (instant: string) => string): DayGroup[] {
  const groups: DayGroup[] = [];
  for (const event of events) {
    const day = dayOf(event.start);
    const group = groups[groups.length - 1];
    if (group?.day === day) group.events.push(event);
    else groups.push({ day, events: [event] });
  }
  return groups;
}
