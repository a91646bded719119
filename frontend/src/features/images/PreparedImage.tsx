// An image that was made for a household: its facts, the download, how to go on, and the way to take it back.
import { useEffect, useRef, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { api } from "@/api";
import type { Edge, SeededImage } from "@/api/types";
import { keys, queryClient } from "@/app/queries";
import { bytes, dateTime } from "@/lib/format";
import { announce } from "@/ui/announce";
import { Button, DownloadLink } from "@/ui/Button";
import { CopyButton } from "@/ui/CopyButton";
import { Banner, Panel, Pill, sentence } from "@/ui/Feedback";
import { InstallSteps } from "./InstallSteps";
import { RemoveImage } from "./RemoveImage";

interface Props {
  image: SeededImage;
  /** The machine that was made from it, once it is there. */
  edge: Edge | undefined;
  /** Just made: the person goes on here. */
  fresh: boolean;
}

export function PreparedImage({ image, edge, fresh }: Props) {
  const [steps, setSteps] = useState(fresh);
  const panel = useRef<HTMLDivElement>(null);
  const arrived = edge?.id;
  const unseen = useRef(arrived === undefined);
  useEffect(() => {
    if (fresh) panel.current?.focus();
  }, [fresh]);
  useEffect(() => {
    if (arrived !== undefined && unseen.current) announce(`${image.name} is here. Compare its words.`);
    unseen.current = arrived === undefined;
  }, [arrived, image.name]);

  // The browser's own download runs beside it, and says in no words why it was refused.
  const ask = useMutation({
    mutationFn: () => api.tryImage(image),
    onError: () => void queryClient.invalidateQueries({ queryKey: keys.images }),
  });
  const facts: [string, string][] = [
    ["File", image.file_name],
    ["Size", bytes(image.size)],
    ["For one machine, until", dateTime(image.expires)],
  ];

  return (
    <div ref={panel} tabIndex={-1} className="rounded-lg outline-none">
      <Panel
        title={`Image for ${image.name}`}
        testId="prepared-image"
        action={
          edge ? (
            <Pill tone="ok" icon="ok">
              It is here
            </Pill>
          ) : (
            <Pill tone="lamp" live>
              Waiting for it
            </Pill>
          )
        }
      >
        <dl className="grid gap-x-6 gap-y-4 text-sm sm:grid-cols-[minmax(0,2fr)_minmax(0,1fr)_minmax(0,2fr)]">
          {facts.map(([name, value]) => (
            <div key={name} className="min-w-0">
              <dt className="text-faint">{name}</dt>
              <dd className="tabular font-medium break-words">{value}</dd>
            </div>
          ))}
          <div className="flex min-w-0 items-start justify-between gap-3 max-sm:flex-col sm:col-span-3">
            <div className="min-w-0">
              <dt className="text-faint">SHA-256</dt>
              <dd data-testid="image-sha256" className="font-mono break-all">
                {image.sha256}
              </dd>
            </div>
            <CopyButton text={image.sha256} what="SHA-256" />
          </div>
        </dl>
        {ask.error ? (
          <div className="mt-4">
            <Banner tone="danger" icon="warning" title="The download was refused">
              {sentence(ask.error)}
            </Banner>
          </div>
        ) : null}
        {edge && (
          <p className="mt-4 text-sm text-soft">{edge.name} has come with it: it can be used no more, and you can remove it here.</p>
        )}
        <div className="mt-5 flex flex-wrap gap-3">
          <DownloadLink href={image.url} name={image.file_name} look={edge ? "quiet" : "primary"} onClick={() => ask.mutate()} testId="image-download">
            Download
          </DownloadLink>
          <Button icon="info" aria-expanded={steps} onClick={() => setSteps(!steps)} data-testid="image-steps">
            {steps ? "Hide the steps" : "Show the steps"}
          </Button>
          <RemoveImage image={image} />
        </div>
        {steps && (
          <div className="mt-6 border-t border-line pt-6">
            <InstallSteps image={image} waiting={<Arrival edge={edge} />} />
          </div>
        )}
      </Panel>
    </div>
  );
}

function Arrival({ edge }: { edge: Edge | undefined }) {
  if (!edge) {
    return (
      <p>
        <Pill tone="lamp" live>
          Not here yet
        </Pill>
      </p>
    );
  }
  const look = (): void => {
    const target = document.getElementById(`edge-${edge.id}`);
    target?.scrollIntoView({ block: "start" });
    target?.focus({ preventScroll: true });
  };
  return (
    <p>
      <Button look="primary" icon="shield" onClick={look}>
        {`${edge.name} is here: look at it`}
      </Button>
    </p>
  );
}
