// Says when an event comes from an edge that its owner has not confirmed, has revoked, or that has other keys now.
import { useEdgeTrust } from "@/features/devices/useEdgeTrust";
import { ButtonLink } from "@/ui/Button";
import { Banner } from "@/ui/Feedback";

const words = {
  unconfirmed: {
    title: "From an unconfirmed edge",
    text: "You have not compared this edge's words yet. Until you have, nothing it sends is opened or believed.",
  },
  changed: {
    title: "This edge's keys changed",
    text: "The server shows other keys for this edge than those you confirmed. Do not trust it before you know why.",
  },
  revoked: { title: "From a revoked edge", text: "This edge was removed from your household. What it signed is no longer opened here." },
} as const;

export function TrustNotice({ edgeId }: { edgeId: string }) {
  const trust = useEdgeTrust().find((item) => item.edge.id === edgeId)?.trust;
  if (!trust || trust === "confirmed") return null;
  const { title, text } = words[trust];
  return (
    <div className="mb-6">
      <Banner
        tone={trust === "unconfirmed" ? "lamp" : "danger"}
        icon="warning"
        title={title}
        alarm={trust === "changed"}
        action={trust === "revoked" ? null : <ButtonLink to="/devices">Compare the words</ButtonLink>}
      >
        {text}
      </Banner>
    </div>
  );
}
