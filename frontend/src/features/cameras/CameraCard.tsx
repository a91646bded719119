// One camera: state and sentence first, then the figures.
import { Link } from "react-router";
import type { Camera } from "@/api/types";
import { ago } from "@/lib/format";
import { useNow } from "@/lib/useNow";
import { Pill } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { lookOf } from "./states";

export function CameraCard({ camera, filter }: { camera: Camera; filter: string }) {
  const look = lookOf(camera.state, camera.online);
  const now = useNow(true);
  const facts: [string, string][] = [
    ["Frames", camera.fps > 0 ? `${camera.fps.toFixed(1)} a second` : "none"],
    ["Picture", camera.width ? `${camera.width} × ${camera.height}` : "unknown"],
    ["Codec", camera.codec ? camera.codec.toUpperCase() : "unknown"],
    ["Last frame", camera.last_frame ? ago(camera.last_frame, now) : "never"],
  ];
  return (
    <li data-testid="camera-card" data-camera={camera.id} data-state={camera.state} className="grid content-start gap-4 rounded-lg border border-line bg-surface p-5 shadow-card">
      <div className="flex flex-wrap items-start gap-3">
        <span className="grid size-11 shrink-0 place-items-center rounded-md bg-primary-wash text-primary">
          <Icon name="camera" size={24} />
        </span>
        <div className="min-w-0 flex-1">
          <h2 className="truncate text-lg leading-tight font-semibold">{camera.name || camera.id}</h2>
          <p className="truncate text-sm text-faint">on {camera.edge_name}</p>
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          {camera.recording && camera.online && (
            <Pill tone="lamp" live>
              Recording
            </Pill>
          )}
          <Pill tone={look.tone} icon={look.icon}>
            {look.word}
          </Pill>
        </div>
      </div>
      {(camera.state !== "ok" || !camera.online) && (
        <p className="rounded-md bg-sunken px-3.5 py-2.5 text-sm">
          {camera.online ? camera.sentence || "The edge gives no reason." : "The edge is not connected. What it records meanwhile is kept there and appears when it is back."}
        </p>
      )}
      <dl className="grid grid-cols-2 gap-x-4 gap-y-3 text-sm sm:grid-cols-4">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="text-faint">{name}</dt>
            <dd className="tabular font-medium">{value}</dd>
          </div>
        ))}
      </dl>
      <Link to={`/events?camera=${encodeURIComponent(filter)}`} className="inline-flex min-h-11 items-center gap-1 justify-self-start rounded-md pr-2 text-sm font-medium text-primary hover:underline">
        Its events <Icon name="next" size={16} />
      </Link>
    </li>
  );
}
