// The event in facts, each with where it comes from: the edge's signature, or the server's summary.
import type { ReactNode } from "react";
import type { GuardianEvent } from "@/api/types";
import { useEdges } from "@/app/queries";
import { dateTime, labelName, percent } from "@/lib/format";
import { Panel } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import type { SignedEventBody } from "@/vault";

export function EventFacts({ event, signed }: { event: GuardianEvent; signed: SignedEventBody | undefined }) {
  const edge = useEdges().data?.find((item) => item.id === event.edge_id);
  const facts: [string, ReactNode][] = [
    ["Seen", labelName(event.label)],
    ["Camera", event.camera_name || event.camera_id],
    ["Edge", edge?.name ?? "unknown"],
    ["Began", dateTime(event.start)],
    ["Ended", event.end ? dateTime(event.end) : "not yet"],
  ];
  if (signed) {
    facts.push(["Surest detection", percent(signed.topScore)]);
    facts.push(["Detections kept", String(signed.path.length)]);
    if (signed.frameWidth) facts.push(["Detector saw", `${signed.frameWidth} × ${signed.frameHeight}`]);
  }
  return (
    <>
      <Panel title="Details" className="sm:p-5">
        <dl className="grid gap-2.5 text-sm">
          {facts.map(([name, value]) => (
            <div key={name} className="flex justify-between gap-4 border-b border-line pb-2.5 last:border-0 last:pb-0">
              <dt className="text-faint">{name}</dt>
              <dd className="text-right font-medium">{value}</dd>
            </div>
          ))}
        </dl>
      </Panel>
      <p className="flex items-start gap-2 px-1 text-sm text-faint">
        <Icon name={signed ? "shield" : "info"} size={18} className="mt-0.5" />
        {signed
          ? "Boxes and scores came from your node and were checked against your edge’s signature here. The service that keeps your account never has them."
          : "These facts are the summary your account keeps. Boxes and scores come from your node once they can be checked."}
      </p>
    </>
  );
}
