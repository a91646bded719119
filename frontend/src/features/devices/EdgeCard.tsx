// One edge that was already judged: confirmed, revoked, or with other keys than those confirmed.
import { ago, bytes } from "@/lib/format";
import { useNow } from "@/lib/useNow";
import { Banner, Panel, Pill, type Tone } from "@/ui/Feedback";
import type { IconName } from "@/ui/icons";
import { RevokeEdge } from "./RevokeEdge";
import type { TrustedEdge } from "./useEdgeTrust";

const looks: Record<TrustedEdge["trust"], { word: string; icon: IconName; tone: Tone }> = {
  confirmed: { word: "Confirmed by you", icon: "shield", tone: "ok" },
  unconfirmed: { word: "Keys malformed", icon: "failed", tone: "danger" },
  changed: { word: "Keys changed", icon: "warning", tone: "danger" },
  revoked: { word: "Revoked", icon: "failed", tone: "neutral" },
};

export function EdgeCard({ item: { edge, trust } }: { item: TrustedEdge }) {
  const now = useNow(true);
  const look = looks[trust];
  const facts: [string, string][] = [
    ["Connection", edge.online ? "Connected" : edge.last_seen ? `Last seen ${ago(edge.last_seen, now)}` : "Never seen"],
    ["Software", edge.software_version || "unknown"],
    ["Detector", edge.detector.state === "ok" ? "Working" : edge.detector.sentence || "unknown"],
    ["Disk free", edge.disk_total_bytes > 0 ? `${bytes(edge.disk_free_bytes)} of ${bytes(edge.disk_total_bytes)}` : "unknown"],
    ["Waiting to be sent", edge.outbox_waiting === 0 ? "nothing" : `${edge.outbox_waiting} events`],
    ["Roster it follows", edge.roster.entries === 1 ? "1 entry" : `${edge.roster.entries} entries`],
  ];
  return (
    <Panel
      testId="edge-card"
      title={edge.name}
      action={
        <span className="flex flex-wrap gap-2">
          <Pill tone={edge.online ? "ok" : "neutral"} icon={edge.online ? "ok" : "waiting"}>
            {edge.online ? "Online" : "Offline"}
          </Pill>
          <Pill tone={look.tone} icon={look.icon}>
            {look.word}
          </Pill>
        </span>
      }
    >
      {trust === "changed" && (
        <div className="mb-4">
          <Banner tone="danger" icon="warning" alarm title="These are not the keys you confirmed">
            The server shows other keys for this edge than those in your roster. Nothing signed with them is opened. If you did not set the edge up again, somebody may be playing its part.
          </Banner>
        </div>
      )}
      <dl className="grid gap-x-6 gap-y-4 text-sm sm:grid-cols-2">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="text-faint">{name}</dt>
            <dd className="font-medium">{value}</dd>
          </div>
        ))}
      </dl>
      {(trust === "confirmed" || trust === "changed") && <RevokeEdge edge={edge} />}
      {trust === "revoked" && <p className="mt-4 border-t border-line pt-4 text-sm text-soft">You removed this edge from your household. Nothing it recorded or signed is opened here, and it seals nothing for you any more.</p>}
    </Panel>
  );
}
