// Said kindly when an edge watches without a detector, or its detector needs help.
import type { Edge } from "@/api/types";
import { Banner } from "@/ui/Feedback";

export function DetectorNote({ edge }: { edge: Edge }) {
  const { state, reason, sentence } = edge.detector;
  if (!edge.online || state === "ok" || !state) return null;
  if (reason === "no_model") {
    return (
      <Banner tone="primary" icon="motion" title={`${edge.name} watches for motion`}>
        It has no detection model, so events say “motion” instead of what moved. Everything is recorded all the same. {sentence}
      </Banner>
    );
  }
  return (
    <Banner tone={state === "failed" ? "danger" : "lamp"} icon="warning" title={`The detector on ${edge.name} is not at its best`}>
      {sentence || "The edge gives no reason. Recording goes on."}
    </Banner>
  );
}
