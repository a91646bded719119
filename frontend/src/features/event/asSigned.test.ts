import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EventSchema, ObjectKind } from "@/gen/guardian/edge/v1/edge_pb";
import { anEvent } from "@/test/events";
import { asSigned } from "./asSigned";

const at = (second: number) => ({ seconds: BigInt(Date.UTC(2026, 0, 31, 8, 0, second) / 1000), nanos: 250_000_000 });

function signedEvent() {
  return create(EventSchema, {
    label: "person",
    cameraId: "back",
    start: at(3),
    end: at(9),
    objects: [
      { id: "a".repeat(32), kind: ObjectKind.CLIP, start: at(0), end: at(12) },
      { id: "b".repeat(32), kind: ObjectKind.SNAPSHOT, start: at(4) },
      { id: "c".repeat(32), kind: 9 as ObjectKind, start: at(4) },
    ],
  });
}

describe("an event whose edge's signature was checked", () => {
  it("shows the edge's clip, not another's that the server put in its place", () => {
    const swapped = { id: "f".repeat(32), kind: "clip" as const, start: "2026-01-30T20:00:00Z", end: null, truncated: false };
    const shown = asSigned(anEvent(3, { objects: [swapped] }), signedEvent());
    expect(shown.objects.map(({ id, kind }) => [id[0], kind])).toEqual([
      ["a", "clip"],
      ["b", "snapshot"],
    ]);
  });

  it("has the edge's label, camera and times, to the microsecond", () => {
    const shown = asSigned(anEvent(50, { label: "cat", end: null }), signedEvent());
    expect([shown.label, shown.camera_id, shown.camera_name]).toEqual(["person", "back", "back"]);
    expect([shown.start, shown.end]).toEqual(["2026-01-31T08:00:03.250000Z", "2026-01-31T08:00:09.250000Z"]);
  });
});
