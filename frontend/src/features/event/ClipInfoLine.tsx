// What is known of a clip, and in words when it is not whole.
import type { ClipInfo } from "@/player";
import { bytes, dateTime, duration } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Banner } from "@/ui/Feedback";

export function ClipInfoLine({ info, length, ended, grow }: { info: ClipInfo; length: number; ended: boolean; grow: () => void }) {
  const facts: [string, string][] = [
    ["Begins", dateTime(info.start)],
    ["Length", duration(length)],
    ["Before the event", duration(info.preCaptureSeconds)],
    ["Picture", info.width ? `${info.width} × ${info.height}` : "unknown"],
    ["Sealed size", bytes(info.sealedBytes)],
  ];
  return (
    <div data-testid="event-clip-info" data-state={info.state} className="grid gap-4">
      {info.state === "truncated" && (
        <Banner tone="danger" icon="cut" title="Cut short">
          The recording was interrupted. It opens up to its last whole second.
        </Banner>
      )}
      {info.state === "recording" && (
        <Banner
          tone="lamp"
          icon="waiting"
          title={ended ? "The recording has ended" : "Still recording"}
          action={
            <Button icon="refresh" onClick={grow} data-testid="clip-grow">
              {ended ? "Load the whole clip" : "Load what came since"}
            </Button>
          }
        >
          {ended ? "You see what was sealed when you opened it." : "You see what was sealed so far. Played to its end, it goes on by itself."}
        </Banner>
      )}
      <dl className="flex flex-wrap gap-x-8 gap-y-3 text-sm">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="text-faint">{name}</dt>
            <dd className="tabular font-medium">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
