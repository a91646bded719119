// The empty timeline: what is still to do before the first event, or that all is well and quiet.
import type { ReactNode } from "react";
import { useCameras, useEdges, useImages } from "@/app/queries";
import { isWatching } from "@/features/cameras/states";
import { useUnconfirmed } from "@/features/devices/useEdgeTrust";
import { ButtonLink } from "@/ui/Button";
import { EmptyState, Skeleton } from "@/ui/Feedback";
import { Steps } from "@/ui/Steps";

const names = ["Secret", "Recovery code", "Your edge", "Watching"];

export function GettingStarted() {
  const edges = useEdges();
  const cameras = useCameras();
  const images = useImages().data;
  const unconfirmed = useUnconfirmed();
  if (edges.isPending || cameras.isPending) return <Skeleton className="h-64" />;
  if (!edges.data || edges.data.length === 0) {
    const prepared = images?.seeded[0];
    if (!prepared && images && images.images.length > 0) {
      return (
        <Step at={2}>
          <EmptyState icon="device" title="Now your Mini PC" action={<ButtonLink to="/devices" look="primary" icon="plus">Add a Mini PC</ButtonLink>}>
            Your vault is ready. A small computer at home will watch your cameras and seal what it sees to that vault: get its installer, made for your household.
          </EmptyState>
        </Step>
      );
    }
    return (
      <Step at={2}>
        <EmptyState
          icon="device"
          title={prepared ? `Waiting for ${prepared.name}` : "Waiting for your edge"}
          action={<ButtonLink to="/devices" look="primary">{prepared ? "How to go on" : "How to connect it"}</ButtonLink>}
        >
          Your vault is ready. The edge at home records nothing before it knows whom to seal for; it appears by itself once it is enrolled.
        </EmptyState>
      </Step>
    );
  }
  if (unconfirmed.length > 0) {
    return (
      <Step at={2}>
        <EmptyState icon="shield" title="Your edge is here. Is it really yours?" action={<ButtonLink to="/devices" look="primary">Compare the words</ButtonLink>}>
          Ten words tell. Compare them once; from then on nobody in between can put another device in its place.
        </EmptyState>
      </Step>
    );
  }
  if (!cameras.data || cameras.data.length === 0) {
    return (
      <Step at={3}>
        <EmptyState icon="camera" title="No camera yet" action={<ButtonLink to="/cameras">Cameras</ButtonLink>}>
          The edge is yours. Cameras are named in its configuration; events appear here as soon as one of them sees something.
        </EmptyState>
      </Step>
    );
  }
  if (!cameras.data.some(isWatching)) {
    return (
      <EmptyState icon="camera" title="No camera is watching yet" action={<ButtonLink to="/cameras">See why</ButtonLink>}>
        A camera that has just been connected takes a few seconds. Events appear here by themselves once it watches.
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="eye" title="All quiet so far">
      Nothing has happened in front of your cameras yet. When something does, it appears here by itself.
    </EmptyState>
  );
}

function Step({ at, children }: { at: number; children: ReactNode }) {
  return (
    <div className="grid gap-8">
      <Steps names={names} current={at} />
      {children}
    </div>
  );
}
