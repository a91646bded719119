// Edges and nodes. An edge is believed only after its owner compared its words and signed it into the roster.
import { useEdges, useNodes } from "@/app/queries";
import { EmptyState, ErrorState, PageHeader, Panel, Pill, Skeleton } from "@/ui/Feedback";
import { ConfirmEdge } from "./ConfirmEdge";
import { EdgeCard } from "./EdgeCard";
import { useEdgeTrust } from "./useEdgeTrust";

export default function DevicesPage() {
  const edges = useEdges();
  const nodes = useNodes();
  const known = useEdgeTrust();
  const toConfirm = known.filter((item) => item.trust === "unconfirmed" && item.claim);
  const others = known.filter((item) => item.trust !== "unconfirmed" || !item.claim);

  return (
    <>
      <PageHeader title="Devices" lead="The edge at home records and seals. The node passes sealed bytes on." />
      <div className="grid gap-6">
        {edges.isPending ? (
          <Skeleton className="h-56" />
        ) : edges.isError && !edges.data ? (
          <ErrorState error={edges.error} retry={() => void edges.refetch()} />
        ) : edges.data.length === 0 ? (
          <EmptyState icon="device" title="Waiting for your edge">
            <p>Your vault is ready. Switch the edge on and enrol it with its one-time token; it appears here by itself within a minute.</p>
            <p className="mt-3 rounded-md bg-sunken px-3 py-2 font-mono text-sm text-ink">guardian edge enroll</p>
          </EmptyState>
        ) : (
          <>
            {toConfirm.map((item) => item.claim && <ConfirmEdge key={item.edge.id} edge={item.edge} claim={item.claim} />)}
            {others.map((item) => (
              <EdgeCard key={item.edge.id} item={item} />
            ))}
          </>
        )}
        {nodes.data && nodes.data.length > 0 && (
          <Panel title="Nodes">
            <ul className="grid gap-3">
              {nodes.data.map((node) => (
                <li key={node.id} className="flex flex-wrap items-center justify-between gap-2 border-b border-line pb-3 text-sm last:border-0 last:pb-0">
                  <span className="min-w-0">
                    <span className="block truncate font-medium">{node.name || host(node.relay_url)}</span>
                    <span className="text-faint">version {node.software_version || "unknown"}</span>
                  </span>
                  <Pill tone={node.online ? "ok" : "danger"} icon={node.online ? "ok" : "failed"}>
                    {node.online ? "Connected" : "Not connected"}
                  </Pill>
                </li>
              ))}
            </ul>
          </Panel>
        )}
      </div>
    </>
  );
}

function host(address: string): string {
  return URL.canParse(address) ? new URL(address).host : "Your node";
}
