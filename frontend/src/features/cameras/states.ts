// A state in the owner's words, with an icon and a tone: never by colour alone.
import type { Camera, State } from "@/api/types";
import type { Tone } from "@/ui/Feedback";
import type { IconName } from "@/ui/icons";

export interface Look {
  word: string;
  icon: IconName;
  tone: Tone;
}

const looks: Record<State, Look> = {
  ok: { word: "Working", icon: "ok", tone: "ok" },
  waiting: { word: "Waiting", icon: "waiting", tone: "lamp" },
  degraded: { word: "Limited", icon: "warning", tone: "lamp" },
  failed: { word: "Not working", icon: "failed", tone: "danger" },
};

/** Whether pictures come from it now: a camera that is connected but silent watches nothing. */
export function isWatching(camera: Pick<Camera, "state" | "online" | "fps">): boolean {
  return camera.online && (camera.state === "ok" || (camera.state === "degraded" && camera.fps > 0));
}

export function lookOf(state: State, online: boolean): Look {
  if (!online) return { word: "Edge offline", icon: "waiting", tone: "neutral" };
  return looks[state] ?? looks.waiting;
}
