// The one comparison that ties household and edge together: ten words here, the same ten on the edge.
import { useEffect, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import type { Edge } from "@/api/types";
import { keys, queryClient } from "@/app/queries";
import { publishEntry, useVault } from "@/app/vault";
import type { EdgeClaim } from "@/vault";
import { announce } from "@/ui/announce";
import { Button } from "@/ui/Button";
import { Banner, Panel, Pill, sentence } from "@/ui/Feedback";

export function ConfirmEdge({ edge, claim }: { edge: Edge; claim: EdgeClaim }) {
  const { vault } = useVault();
  const [words, setWords] = useState<string[]>([]);
  const [differ, setDiffer] = useState(false);
  useEffect(() => {
    let current = true;
    void vault?.wordsFor(claim).then((list) => current && setWords(list));
    return () => {
      current = false;
    };
  }, [vault, claim]);

  const confirm = useMutation({
    mutationFn: () => publishEntry((open) => open.confirmEdge(claim)),
    onSuccess: async () => {
      announce(`${edge.name} is confirmed`);
      await queryClient.invalidateQueries({ queryKey: keys.edges });
    },
  });

  return (
    <Panel title={`Is this your edge? ${edge.name}`} action={<Pill tone="lamp" icon="warning">Unconfirmed</Pill>} className="border-lamp-glow">
      <p className="max-w-2xl text-soft">
        Compare these with the words on the edge: a Mini PC made from an image shows them on its own screen, elsewhere run <code className="rounded-sm bg-sunken px-1 font-mono text-sm text-ink">guardian status</code> there. If all ten are the same, in the same order, no one stands between you and it.
      </p>
      <ol data-testid="edge-words" data-edge-id={edge.id} className="my-5 grid grid-cols-2 gap-2 [counter-reset:word] sm:grid-cols-5">
        {words.map((word, index) => (
          <li
            key={index}
            className="rounded-md border border-line bg-paper px-3 py-2.5 font-mono text-base font-semibold [counter-increment:word] before:mr-2.5 before:inline-block before:w-4 before:text-right before:font-sans before:text-xs before:font-normal before:text-faint before:content-[counter(word)]"
          >
            {word}
          </li>
        ))}
      </ol>
      {confirm.error ? (
        <div className="mb-4">
          <Banner tone="danger" icon="warning">
            {sentence(confirm.error)}
          </Banner>
        </div>
      ) : null}
      {differ && (
        <div className="mb-4">
          <Banner tone="danger" icon="warning" title="Do not confirm this edge" alarm>
            Different words mean that this is another device, or that somebody on the way shows you keys of their own. Check that you look at the right device; if you do, take the edge off the network and tell whoever runs the service.
          </Banner>
        </div>
      )}
      <div className="flex flex-wrap gap-3">
        <Button look="primary" icon="ok" data-testid="edge-confirm" busy={confirm.isPending} disabled={words.length === 0} onClick={() => confirm.mutate()}>
          The words are the same
        </Button>
        <Button look="danger" aria-expanded={differ} onClick={() => setDiffer(!differ)}>
          They differ
        </Button>
      </div>
    </Panel>
  );
}
