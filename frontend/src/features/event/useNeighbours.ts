// The other events that the same clip shows.
import { useQuery } from "@tanstack/react-query";
import { api } from "@/api";
import type { GuardianEvent } from "@/api/types";
import { keys } from "@/app/queries";

const SLACK_MS = 120_000;
const MOST = 100;

/** Those of `events`, without `own`, that have the clip; oldest first. */
export function sharing(events: readonly GuardianEvent[], clipId: string, own: string): GuardianEvent[] {
  return events
    .filter((event) => event.id !== own && event.objects.some((object) => object.kind === "clip" && object.id === clipId))
    .sort((a, b) => (a.start < b.start ? -1 : 1));
}

export function useNeighbours(event: GuardianEvent, clipId: string, clipStart: string, length: number): GuardianEvent[] {
  const begins = Date.parse(clipStart);
  const asked = {
    camera: `${event.edge_id}/${event.camera_id}`,
    from: new Date(begins - SLACK_MS).toISOString(),
    to: new Date(begins + length * 1000).toISOString(),
  };
  const near = useQuery({
    queryKey: keys.around(clipId),
    queryFn: ({ signal }) => api.events(asked, null, MOST, signal),
    staleTime: 30_000,
  });
  return near.data ? sharing(near.data.items, clipId, event.id) : [];
}
