// The timeline's filters live in the address, so that a view can be kept, shared with oneself and gone back to.
import type { EventFilters, GuardianEvent } from "@/api/types";

export interface Filters {
  camera: string;
  label: string;
  /** Local calendar days, YYYY-MM-DD, both inclusive; empty for no bound. */
  from: string;
  to: string;
}

export const noFilters: Filters = { camera: "", label: "", from: "", to: "" };

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const WORD = /^[\w .:/-]{1,128}$/;

function word(value: string | null): string {
  return value && WORD.test(value) ? value : "";
}

function day(value: string | null): string {
  return value && DAY.test(value) && !Number.isNaN(startOfDay(value).getTime()) ? value : "";
}

export function readFilters(search: URLSearchParams): Filters {
  return { camera: word(search.get("camera")), label: word(search.get("label")), from: day(search.get("from")), to: day(search.get("to")) };
}

export function writeFilters(filters: Filters): URLSearchParams {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(filters)) if (value) search.set(key, value);
  return search;
}

export function isFiltered(filters: Filters): boolean {
  return Object.values(filters).some(Boolean);
}

/** Midnight at which a local day begins. */
export function startOfDay(text: string): Date {
  const [year = NaN, month = NaN, date = NaN] = text.split("-").map(Number);
  return new Date(year, month - 1, date);
}

function dayAfter(text: string): Date {
  const start = startOfDay(text);
  return new Date(start.getFullYear(), start.getMonth(), start.getDate() + 1);
}

/** A camera's name in filters: its id alone where that says which one, with its edge's where two edges share it. */
export function cameraKey(camera: { edge: string; id: string }, all: readonly { edge: string; id: string }[]): string {
  const shared = all.some((other) => other.id === camera.id && other.edge !== camera.edge);
  return shared ? `${camera.edge}/${camera.id}` : camera.id;
}

/** What the API is asked: the local days as instants, `to` exclusive. */
export function toQuery(filters: Filters): EventFilters {
  return {
    ...(filters.camera ? { camera: filters.camera } : {}),
    ...(filters.label ? { label: filters.label } : {}),
    ...(filters.from ? { from: startOfDay(filters.from).toISOString() } : {}),
    ...(filters.to ? { to: dayAfter(filters.to).toISOString() } : {}),
  };
}

/** Whether a live event belongs in the list shown; the same rule as the API's. */
export function matches(event: GuardianEvent, query: EventFilters): boolean {
  const start = Date.parse(event.start);
  return (
    (!query.camera || event.camera_id === query.camera || `${event.edge_id}/${event.camera_id}` === query.camera) &&
    (!query.label || event.label === query.label) &&
    (!query.from || start >= Date.parse(query.from)) &&
    (!query.to || start < Date.parse(query.to))
  );
}
