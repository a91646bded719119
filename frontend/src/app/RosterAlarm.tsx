// A chain that forks or went backwards is the one thing that must not be overlooked.
import type { Edge } from "@/api/types";
import { Banner } from "@/ui/Feedback";
import { useEdges } from "./queries";
import { useVault } from "./vault";

/** Whether an edge follows another chain than this browser, told by the hash of the newest entry it follows. */
export function followsAnother(edge: Pick<Edge, "roster">, hashes: readonly string[]): boolean {
  const { entries, head } = edge.roster;
  if (entries === 0 || head === "" || entries > hashes.length) return false;
  return hashes[entries - 1] !== head;
}

export function RosterAlarm() {
  const { fault, vault } = useVault();
  const edges = useEdges().data ?? [];
  const told = vault ? edges.filter((edge) => edge.roster.fault || followsAnother(edge, vault.roster.hashes)) : [];
  if (!fault && told.length === 0) return null;
  return (
    <div className="mb-6 grid gap-3">
      {fault && (
        <Banner tone="danger" icon="warning" alarm title={fault.reason === "fork" ? "Your household's roster was forked" : "Your household's roster went backwards"}>
          {fault.sentence}
        </Banner>
      )}
      {told.map((edge) => (
        <Banner key={edge.id} tone="danger" icon="warning" alarm title={edge.roster.fault ? `${edge.name} refuses the roster it was shown` : `${edge.name} follows another roster than this browser`}>
          {edge.roster.fault || "Somebody on the way shows the edge and you different households. Do not confirm or change anything before you know who."}
        </Banner>
      ))}
    </div>
  );
}
