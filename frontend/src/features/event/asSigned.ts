// What the edge signed goes before what the server says: it could else show one event's clip under another's name.
import type { EventObject, GuardianEvent, ObjectKind } from "@/api/types";
import type { SignedEventBody } from "@/vault";

// By the contract's numbers.
const KINDS: readonly (ObjectKind | undefined)[] = [undefined, "clip", "snapshot", "thumbnail"];

type Stamp = SignedEventBody["start"];

function text(stamp: Stamp): string | null {
  if (!stamp) return null;
  const micros = String(Math.floor(stamp.nanos / 1000)).padStart(6, "0");
  return new Date(Number(stamp.seconds) * 1000).toISOString().replace(/\.\d+Z$/, `.${micros}Z`);
}

/** The event with label, camera, times and recordings as its edge signed them. */
export function asSigned(event: GuardianEvent, signed: SignedEventBody): GuardianEvent {
  const objects = signed.objects.flatMap((item): EventObject[] => {
    const kind = KINDS[item.kind];
    return kind ? [{ id: item.id, kind, start: text(item.start), end: text(item.end), truncated: item.truncated }] : [];
  });
  return {
    ...event,
    label: signed.label,
    camera_id: signed.cameraId,
    camera_name: signed.cameraId === event.camera_id ? event.camera_name : signed.cameraId,
    start: text(signed.start) ?? event.start,
    end: text(signed.end),
    objects,
  };
}
