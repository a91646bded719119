// A chain that forks or went backwards is the one thing that must not be overlooked.
import { useEdges } from "./queries";
import { useVault } from "./vault";
import { Banner } from "@/ui/Feedback";

export function RosterAlarm() {
  const { fault, status } = useVault();
  const edges = useEdges().data ?? [];
  const told = status === "open" ? edges.filter((edge) => edge.roster.fault) : [];
  if (!fault && told.length === 0) return null;
  return (
    <div className="mb-6 grid gap-3">
      {fault && (
        <Banner tone="danger" icon="warning" alarm title={fault.reason === "fork" ? "Your household's roster was forked" : "Your household's roster went backwards"}>
          {fault.sentence}
        </Banner>
      )}
      {told.map((edge) => (
        <Banner key={edge.id} tone="danger" icon="warning" alarm title={`${edge.name} refuses the roster it was shown`}>
          {edge.roster.fault}
        </Banner>
      ))}
    </div>
  );
}
