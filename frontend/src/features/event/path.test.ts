import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, it } from "vitest";
import { DetectionSchema } from "@/gen/guardian/edge/v1/edge_pb";
import { stretches } from "./path";

const START = "2026-01-31T08:00:00.000Z";
const seen = (second: number, score = 0.5) => create(DetectionSchema, { time: timestampFromMs(Date.parse(START) + second * 1000), score });

it("detections close together are one stretch, with the surest moment in it", () => {
  expect(stretches([seen(1), seen(2, 0.9), seen(3), seen(8), seen(9)], START, 10)).toEqual([
    { from: 1, to: 3, top: expect.closeTo(0.9) as number, at: 2 },
    { from: 8, to: 9, top: 0.5, at: 8 },
  ]);
});

it("detections outside the clip belong to another clip", () => {
  expect(stretches([seen(-4), seen(30)], START, 10)).toEqual([]);
});

it("a detection without a time is passed over", () => {
  expect(stretches([create(DetectionSchema, { score: 1 })], START, 10)).toEqual([]);
});
