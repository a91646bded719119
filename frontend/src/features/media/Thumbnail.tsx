// An event's small picture. Sealed until its card comes near the viewport; says so when it cannot be opened.
import type { GuardianEvent } from "@/api/types";
import { useVault } from "@/app/vault";
import { labelIcon } from "@/features/events/labels";
import { labelName } from "@/lib/format";
import { useNear } from "@/lib/useNear";
import { sentence } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { pictureRef } from "./refs";
import { usePicture } from "./usePicture";

export function Thumbnail({ event }: { event: GuardianEvent }) {
  const [frame, near] = useNear<HTMLDivElement>();
  const trusted = useVault((state) => state.vault?.roster.edges.has(event.edge_id) ?? false);
  const revoked = useVault((state) => state.vault?.roster.revokedEdges.has(event.edge_id) ?? false);
  const ref = pictureRef(event, "thumbnail");
  const { picture } = usePicture(ref, "thumbnail", near && trusted);
  const name = labelName(event.label);
  return (
    <div ref={frame} className="relative aspect-video h-full w-full overflow-hidden bg-sunken sm:h-auto">
      {picture.state === "open" && !near ? null : picture.state === "open" ? (
        <img src={picture.url} alt={`${name} on ${event.camera_name || event.camera_id}`} decoding="async" className="absolute inset-0 size-full object-cover transition-transform duration-500 group-hover:scale-[1.02]" />
      ) : !trusted ? (
        <Instead icon="shield" text={revoked ? "Revoked edge" : "Unconfirmed edge"} />
      ) : picture.state === "failed" ? (
        <Instead icon="lid" text="Not available" title={sentence(picture.error)} />
      ) : ref ? (
        <div className="skeleton absolute inset-0" aria-hidden="true" />
      ) : (
        <Instead icon={labelIcon(event.label)} text={event.end ? "No picture" : "Picture to come"} />
      )}
    </div>
  );
}

function Instead({ icon, text, title }: { icon: Parameters<typeof Icon>[0]["name"]; text: string; title?: string }) {
  return (
    <div title={title} className="absolute inset-0 grid content-center justify-items-center gap-1.5 text-xs text-faint">
      <Icon name={icon} size={24} />
      {text}
    </div>
  );
}
