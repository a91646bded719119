// From an event of the inventory to the sealed objects that belong to it.
import type { EventObject, GuardianEvent, ObjectKind } from "@/api/types";
import type { MediaRef } from "@/player";

function newest(objects: EventObject[]): EventObject | undefined {
  return objects.reduce<EventObject | undefined>((best, object) => (!best || (object.start ?? "") >= (best.start ?? "") ? object : best), undefined);
}

export function refTo(event: GuardianEvent, object: EventObject): MediaRef {
  return { id: object.id, nodeId: event.node_id, edgeId: event.edge_id, cameraId: event.camera_id, end: object.end, truncated: object.truncated };
}

/** The newest picture of a kind: an event in progress gets better ones. */
export function pictureRef(event: GuardianEvent, kind: Exclude<ObjectKind, "clip">): MediaRef | null {
  const object = newest(event.objects.filter((item) => item.kind === kind));
  return object ? refTo(event, object) : null;
}

export function clipsOf(event: GuardianEvent): EventObject[] {
  return event.objects.filter((item) => item.kind === "clip").sort((a, b) => ((a.start ?? "") < (b.start ?? "") ? -1 : 1));
}
