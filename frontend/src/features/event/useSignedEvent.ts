// The event as its edge signed it, boxes and all: from the node, checked here, forgotten on lock.
import { useQuery } from "@tanstack/react-query";
import type { GuardianEvent } from "@/api/types";
import type { SignedEventBody } from "@/vault";
import { queryClient } from "@/app/queries";
import { useVault, whenLocked } from "@/app/vault";
import { sealedMedia } from "@/features/media/pictures";

const OPENED = "opened";

whenLocked(() => {
  void queryClient.cancelQueries({ queryKey: [OPENED] });
  queryClient.removeQueries({ queryKey: [OPENED] });
});

export function useSignedEvent(event: GuardianEvent) {
  const { vault } = useVault();
  const trusted = vault?.roster.edges.has(event.edge_id) ?? false;
  return useQuery<SignedEventBody>({
    queryKey: [OPENED, event.id, event.revision],
    enabled: vault !== null && trusted,
    staleTime: Infinity,
    retry: 1,
    placeholderData: (before) => (before?.id === event.id ? before : undefined),
    queryFn: async ({ signal }) => {
      if (!vault) throw new DOMException("locked", "AbortError");
      const media = await sealedMedia(vault);
      return media.event(event.node_id, event.edge_id, event.id, signal);
    },
  });
}

/** Seconds since the epoch of a protobuf timestamp. */
export function seconds(time: { seconds: bigint; nanos: number } | undefined): number | null {
  return time ? Number(time.seconds) + time.nanos / 1e9 : null;
}
