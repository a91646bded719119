// The live stream feeds the caches: events are merged, the rest is asked for again.
import { useEffect } from "react";
import type { InfiniteData } from "@tanstack/react-query";
import { create } from "zustand";
import { streamAddress } from "@/api/http";
import { openStream, type Connection, type Message } from "@/api/sse";
import type { EventFilters, EventPage, GuardianEvent } from "@/api/types";
import { mergeEvent } from "@/features/events/merge";
import { clockTime, labelName } from "@/lib/format";
import { announce } from "@/ui/announce";
import { keys, queryClient } from "./queries";
import { refreshRoster } from "./vault";

interface ConnectionStore {
  state: Connection;
  /** Events that arrived within the last minute: shown arriving, and called new. */
  arrived: ReadonlySet<string>;
}

export const useConnection = create<ConnectionStore>(() => ({ state: "connecting", arrived: new Set() }));

const NEW_MS = 60_000;

function arrive(id: string): void {
  useConnection.setState(({ arrived }) => ({ arrived: new Set(arrived).add(id) }));
  setTimeout(() => useConnection.setState(({ arrived }) => ({ arrived: new Set([...arrived].filter((other) => other !== id)) })), NEW_MS);
}

function isEvent(value: unknown): value is GuardianEvent {
  return typeof value === "object" && value !== null && "id" in value && "revision" in value && "objects" in value;
}

function takeEvent(data: string): void {
  const event: unknown = JSON.parse(data);
  if (!isEvent(event)) return;
  const known = queryClient.getQueryData<GuardianEvent>(keys.event(event.id));
  if (known && known.revision <= event.revision) queryClient.setQueryData(keys.event(event.id), event);
  for (const [key, cached] of queryClient.getQueriesData<InfiniteData<EventPage>>({ queryKey: keys.events })) {
    if (!cached) continue;
    const pages = mergeEvent(cached.pages, event, (key[1] ?? {}) as EventFilters);
    queryClient.setQueryData(key, { ...cached, pages });
  }
  const { arrived } = useConnection.getState();
  if (event.revision <= 1 && !arrived.has(event.id)) {
    arrive(event.id);
    announce(`New event: ${labelName(event.label)}, ${event.camera_name || event.camera_id}, ${clockTime(event.start)}`);
  }
}

function take(message: Message): void {
  if (message.event === "event") return takeEvent(message.data);
  if (message.event === "cameras") {
    void queryClient.invalidateQueries({ queryKey: keys.cameras });
    void queryClient.invalidateQueries({ queryKey: keys.edges });
  } else if (message.event === "roster") {
    void refreshRoster();
    void queryClient.invalidateQueries({ queryKey: keys.edges });
  } else if (message.event === "reset") {
    void queryClient.invalidateQueries();
  }
}

/** One stream for the whole page. What happened between loading a list and the stream's start is fetched once it is live. */
export function useLiveUpdates(): void {
  useEffect(() => {
    let first = true;
    return openStream({
      url: streamAddress,
      onMessage: take,
      onConnection: (state) => {
        useConnection.setState({ state });
        if (state === "live" && first) {
          first = false;
          void queryClient.invalidateQueries({ queryKey: keys.events });
        }
      },
      onSignedOut: () => void queryClient.invalidateQueries({ queryKey: keys.session }),
    });
  }, []);
}
