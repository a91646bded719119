// Takes an edge out of the household, for one that was stolen, sold or broken. Signed into the roster, never to be undone.
import { useEffect, useId, useRef, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import type { Edge } from "@/api/types";
import { keys, queryClient } from "@/app/queries";
import { publishEntry } from "@/app/vault";
import { announce } from "@/ui/announce";
import { Button } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";

export function RevokeEdge({ edge }: { edge: Pick<Edge, "id" | "name"> }) {
  const [asking, setAsking] = useState(false);
  return (
    <div className="mt-5 border-t border-line pt-4">
      {asking ? (
        <Warning edge={edge} cancel={() => setAsking(false)} />
      ) : (
        <Button look="danger" icon="failed" onClick={() => setAsking(true)} data-testid="edge-revoke">
          Revoke this edge…
        </Button>
      )}
    </div>
  );
}

function Warning({ edge, cancel }: { edge: Pick<Edge, "id" | "name">; cancel: () => void }) {
  const [sure, setSure] = useState(false);
  const box = useId();
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => panel.current?.focus(), []);
  const revoke = useMutation({
    mutationFn: () => publishEntry((open) => open.revokeEdge(edge.id)),
    onSuccess: async () => {
      announce(`${edge.name} is revoked`);
      await queryClient.invalidateQueries({ queryKey: keys.edges });
    },
  });
  return (
    <div ref={panel} tabIndex={-1} className="grid gap-4 outline-none" data-testid="edge-revoke-warning">
      <Banner tone="danger" icon="warning" title={`Revoke ${edge.name}?`}>
        <ul className="mt-1 grid list-disc gap-1 pl-5">
          <li>What it has recorded so far is believed no more: its clips and pictures will not open here again.</li>
          <li>It stops recording for your household as soon as it hears of it.</li>
          <li>This cannot be undone. The same device comes back only as a new edge, set up and enrolled from the beginning.</li>
        </ul>
        <p className="mt-2">Do it when the device was stolen, sold or taken over. Download first what you want to keep.</p>
      </Banner>
      {revoke.error ? (
        <Banner tone="danger" icon="warning">
          {sentence(revoke.error)}
        </Banner>
      ) : null}
      <label htmlFor={box} className="flex min-h-11 items-center gap-3">
        <input id={box} type="checkbox" className="size-5 accent-primary" checked={sure} onChange={(event) => setSure(event.target.checked)} data-testid="edge-revoke-sure" />
        I know that its recordings will not open any more
      </label>
      <div className="flex flex-wrap gap-3">
        <Button look="danger" icon="failed" disabled={!sure} busy={revoke.isPending} onClick={() => revoke.mutate()} data-testid="edge-revoke-confirm">
          Revoke {edge.name}
        </Button>
        <Button onClick={cancel} disabled={revoke.isPending}>
          Keep it
        </Button>
      </div>
    </div>
  );
}
