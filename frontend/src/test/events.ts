// Events for tests, plain and small.
import type { GuardianEvent } from "@/api/types";

const EDGE = "0e".repeat(16);

/** An event that began `second` seconds into a fixed morning; its id sorts by that time, as UUIDv7 does. */
export function anEvent(second: number, more: Partial<GuardianEvent> = {}): GuardianEvent {
  const start = new Date(Date.UTC(2026, 0, 31, 8, 0, second));
  const millis = start.getTime().toString(16).padStart(12, "0");
  return {
    id: `${millis.slice(0, 8)}-${millis.slice(8)}-7000-8000-000000000000`,
    revision: 1,
    edge_id: EDGE,
    camera_id: "front",
    camera_name: "Front door",
    label: "person",
    start: start.toISOString(),
    end: new Date(start.getTime() + 7000).toISOString(),
    objects: [],
    node_id: "0d".repeat(16),
    counter: second,
    ...more,
  };
}
