// One camera: state and sentence first, then the figures.
import { useState } from "react";
import { Link } from "react-router";
import type { Camera } from "@/api/types";
import { ago, codecName } from "@/lib/format";
import { useNow } from "@/lib/useNow";
import { Pill } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { Button } from "@/ui/Button";
import { useVault } from "@/app/vault";
import { RenameForm } from "./RenameForm";
import { lookOf } from "./states";

export function CameraCard({ camera, filter }: { camera: Camera; filter: string }) {
  const look = lookOf(camera.state, camera.online);
  const now = useNow(true);
  const mine = useVault((state) => state.vault?.roster.edges.has(camera.edge_id) ?? false);
  const revoked = useVault((state) => state.vault?.roster.revokedEdges.has(camera.edge_id) ?? false);
  const [renaming, setRenaming] = useState(false);
  const facts: [string, string][] = [
    ["Frames", camera.fps > 0 ? `${camera.fps.toFixed(1)} a second` : "none"],
    ["Picture", camera.width ? `${camera.width} × ${camera.height}` : "unknown"],
    ["Codec", codecName(camera.codec)],
    ["Last frame", camera.last_frame ? ago(camera.last_frame, now) : "never"],
  ];
  return (
    <li data-testid="camera-card" data-camera={camera.id} data-state={camera.state} className="flex flex-col gap-4 rounded-lg border border-line bg-surface p-5 shadow-card">
      <div className="grid grid-cols-[auto_minmax(0,1fr)] items-center gap-3 sm:grid-cols-[auto_minmax(0,1fr)_auto]">
        <span className="grid size-11 shrink-0 place-items-center rounded-md bg-primary-wash text-primary">
          <Icon name="camera" size={24} />
        </span>
        <div className="min-w-0">
          <h2 className="truncate text-lg leading-tight font-semibold">{camera.name || camera.id}</h2>
          <p className="truncate text-sm text-faint">on {camera.edge_name}</p>
        </div>
        <div className="flex flex-wrap gap-2 max-sm:col-span-2 sm:self-start">
          {camera.recording && camera.online && (
            <Pill tone="lamp" live>
              Recording
            </Pill>
          )}
          <Pill tone={look.tone} icon={look.icon}>
            {revoked ? "Edge revoked" : look.word}
          </Pill>
        </div>
      </div>
      {(camera.state !== "ok" || !camera.online) && (
        <p className="rounded-md bg-sunken px-3.5 py-2.5 text-sm">
          {revoked
            ? "Its edge is revoked and records nothing for you any more."
            : camera.online
              ? camera.sentence || "The edge gives no reason."
              : "The edge is not connected. What it records meanwhile is kept there and appears when it is back."}
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
      {renaming && <RenameForm camera={camera} done={() => setRenaming(false)} />}
      <div className="-mb-2 mt-auto flex flex-wrap justify-between gap-2">
        <Link to={`/events?camera=${encodeURIComponent(filter)}`} className="inline-flex min-h-11 items-center gap-1 rounded-md pr-2 text-sm font-medium text-primary hover:underline">
          Its events <Icon name="next" size={16} />
        </Link>
        {mine && !renaming && (
          <Button look="plain" icon="pen" onClick={() => setRenaming(true)} data-testid="camera-rename">
            Rename
          </Button>
        )}
      </div>
    </li>
  );
}
