// The event's clips. One plays; the rest wait behind their times (a stream that changed in mid-event has two).
import { useState } from "react";
import type { GuardianEvent } from "@/api/types";
import { useVault } from "@/app/vault";
import { clipsOf, refTo } from "@/features/media/refs";
import { clockTime } from "@/lib/format";
import { EmptyState } from "@/ui/Feedback";
import { cx } from "@/ui/cx";
import type { SignedEventBody } from "@/vault";
import { ClipPlayer } from "./ClipPlayer";

export function ClipSection({ event, signed }: { event: GuardianEvent; signed: SignedEventBody | undefined }) {
  const clips = clipsOf(event);
  const trusted = useVault((state) => state.vault?.roster.edges.has(event.edge_id) ?? false);
  const revoked = useVault((state) => state.vault?.roster.revokedEdges.has(event.edge_id) ?? false);
  const [chosen, setChosen] = useState<string | null>(null);
  const clip = clips.find((item) => item.id === chosen) ?? clips[0];

  if (!clip) {
    return (
      <EmptyState icon="film" title={event.end ? "No clip was recorded" : "The clip is about to begin"}>
        {event.end ? "The camera made no recording of this event." : "The first second is being sealed. It appears here by itself."}
      </EmptyState>
    );
  }
  if (!trusted) {
    return (
      <EmptyState icon="shield" title="Sealed">
        {revoked
          ? "This clip comes from an edge you have revoked. It stays sealed."
          : "This clip comes from an edge you have not confirmed. It is opened once you have compared the edge’s words."}
      </EmptyState>
    );
  }
  return (
    <div className="grid gap-3">
      {clips.length > 1 && (
        <div role="group" aria-label="Clips of this event" className="flex flex-wrap gap-2">
          {clips.map((item, index) => (
            <button
              key={item.id}
              type="button"
              aria-pressed={item === clip}
              onClick={() => setChosen(item.id)}
              className={cx("min-h-11 rounded-md border px-3 text-sm", item === clip ? "border-primary bg-primary-wash font-semibold text-primary" : "border-line bg-surface text-soft")}
            >
              Clip {index + 1}, <span className="font-mono">{clockTime(item.start ?? event.start)}</span>
            </button>
          ))}
        </div>
      )}
      <ClipPlayer key={clip.id} event={event} media={refTo(event, clip)} signed={signed} />
    </div>
  );
}
