// What the roster says of each edge the control plane names.
import { useEffect, useState } from "react";
import type { Edge } from "@/api/types";
import { useEdges } from "@/app/queries";
import { useVault, vaultCode } from "@/app/vault";
import type { EdgeClaim, EdgeTrust } from "@/vault";

export interface TrustedEdge {
  edge: Edge;
  /** Null when the keys told for it are malformed: it cannot be confirmed then. */
  claim: EdgeClaim | null;
  trust: EdgeTrust;
}

/** Every edge with its trust; empty while locked, since trust cannot be told without the checked roster. */
export function useEdgeTrust(): TrustedEdge[] {
  const edges = useEdges().data;
  const { vault, version } = useVault();
  const [known, setKnown] = useState<TrustedEdge[]>([]);
  useEffect(() => {
    let current = true;
    if (!vault || !edges) {
      setKnown([]);
      return;
    }
    void vaultCode().then(({ edgeClaim, VaultError }) => {
      if (!current) return;
      setKnown(
        edges.map((edge) => {
          try {
            const claim = edgeClaim(edge);
            return { edge, claim, trust: vault.trustOf(claim) };
          } catch (error) {
            if (!(error instanceof VaultError)) throw error;
            return { edge, claim: null, trust: "unconfirmed" };
          }
        }),
      );
    });
    return () => {
      current = false;
    };
  }, [edges, vault, version]);
  return known;
}

export function useUnconfirmed(): TrustedEdge[] {
  return useEdgeTrust().filter((item) => item.trust === "unconfirmed" || item.trust === "changed");
}
