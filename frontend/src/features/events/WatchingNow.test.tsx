import { render } from "@testing-library/react";
import { expect, it } from "vitest";
import type { Camera } from "@/api/types";
import { WatchingNow } from "./WatchingNow";

const camera = (more: Partial<Camera>): Camera => ({ id: "front", state: "ok", online: true, fps: 15, ...more }) as Camera;
const said = (...cameras: Camera[]): string | null => render(<WatchingNow cameras={cameras} />).container.textContent;

it("a camera that sends pictures watches", () => expect(said(camera({}))).toBe("Your camera is watching."));

it("one that is connected and silent does not", () => expect(said(camera({ state: "degraded", fps: 0 }))).toBe("Your camera is not watching right now."));

it("of several, those that watch are counted", () => {
  expect(said(camera({}), camera({ id: "back", online: false }), camera({ id: "yard", state: "degraded" }))).toBe("2 of 3 cameras are watching.");
});
