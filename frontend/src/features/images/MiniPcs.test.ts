import { expect, it } from "vitest";
import type { Edge, GenericImage, SeededImage } from "@/api/types";
import { arrivedFrom, newestFirst } from "./MiniPcs";

const image = { name: "Hall", created_at: "2026-01-31T08:00:00Z" } as SeededImage;
const edge = (name: string, enrolled_at: string | null) => ({ id: "0e".repeat(16), name, enrolled_at }) as Edge;

it("an edge came from an image when it has its name and was enrolled after it was made", () => {
  expect(arrivedFrom(image, [edge("Hall", "2026-01-31T08:20:00Z")])).toBeDefined();
  expect(arrivedFrom(image, [edge("Hall", "2026-01-30T08:20:00Z")])).toBeUndefined();
  expect(arrivedFrom(image, [edge("Door", "2026-01-31T08:20:00Z"), edge("Hall", null)])).toBeUndefined();
});

it("the newest image is offered first: versions are numbers, no words", () => {
  const images = ["0.9.0", "0.10.0", "0.10.0-dev"].map((version) => ({ name: `${version}.iso`, version }) as GenericImage);
  expect(newestFirst(images)[0]?.version).toMatch(/^0\.10\.0/);
  expect(newestFirst(images).at(-1)?.version).toBe("0.9.0");
});
