// Edges and nodes. An edge is believed only after its owner compared its words and signed it into the roster.
import { useState, type ReactNode } from "react";
import type { Edge } from "@/api/types";
import { useEdges, useImages, useNodes } from "@/app/queries";
import { MiniPcs } from "@/features/images/MiniPcs";
import { Button } from "@/ui/Button";
import { ErrorState, PageHeader, Panel, Pill, Skeleton } from "@/ui/Feedback";
import { ConfirmEdge } from "./ConfirmEdge";
import { EdgeCard } from "./EdgeCard";
import { useEdgeTrust } from "./useEdgeTrust";

export default function DevicesPage() {
  const edges = useEdges();
  const nodes = useNodes();
  const images = useImages().data;
  const known = useEdgeTrust();
  const toConfirm = known.filter((item) => item.trust === "unconfirmed" && item.claim);
  const others = known.filter((item) => item.trust !== "unconfirmed" || !item.claim);
  const [wanted, setWanted] = useState(false);
  // Where there is nothing yet, adding the first one is what the page is for.
  const first = edges.data?.length === 0 && !images?.seeded.length;
  const adding = wanted || first;

  return (
    <>
      <PageHeader title="Devices" lead="The edge at home records and seals. The node passes sealed bytes on.">
        {!adding && (
          <Button look="primary" icon="plus" onClick={() => setWanted(true)} data-testid="add-mini-pc">
            Add a Mini PC
          </Button>
        )}
      </PageHeader>
      <div className="grid gap-6">
        {edges.isPending ? (
          <Skeleton className="h-56" />
        ) : edges.isError && !edges.data ? (
          <ErrorState error={edges.error} retry={() => void edges.refetch()} />
        ) : (
          <>
            {toConfirm.map(
              (item) =>
                item.claim && (
                  <Place key={item.edge.id} edge={item.edge}>
                    <ConfirmEdge edge={item.edge} claim={item.claim} />
                  </Place>
                ),
            )}
            <MiniPcs edges={edges.data} adding={adding} onDone={() => setWanted(false)} />
            {others.map((item) => (
              <Place key={item.edge.id} edge={item.edge}>
                <EdgeCard item={item} />
              </Place>
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

/** Where one is led to from elsewhere on the page. */
function Place({ edge, children }: { edge: Edge; children: ReactNode }) {
  return (
    <div id={`edge-${edge.id}`} tabIndex={-1} className="scroll-mt-20 rounded-lg outline-none">
      {children}
    </div>
  );
}

function host(address: string): string {
  return URL.canParse(address) ? new URL(address).host : "Your node";
}
