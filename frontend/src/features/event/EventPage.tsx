// One event: its clip, the snapshot with what the detector saw, and what is known of it.
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useParams } from "react-router";
import { api } from "@/api";
import { ApiError } from "@/api/errors";
import { keys } from "@/app/queries";
import { labelIcon } from "@/features/events/labels";
import { between, dateTime, duration, labelName } from "@/lib/format";
import { useNow } from "@/lib/useNow";
import { ButtonLink } from "@/ui/Button";
import { EmptyState, ErrorState, Pill, Skeleton } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { asSigned } from "./asSigned";
import { ClipSection } from "./ClipSection";
import { EventFacts } from "./EventFacts";
import { SnapshotPanel } from "./SnapshotPanel";
import { TrustNotice } from "./TrustNotice";
import { useSignedEvent } from "./useSignedEvent";
import type { GuardianEvent } from "@/api/types";

export default function EventPage() {
  const { eventId = "" } = useParams();
  const back = (useLocation().state as { back?: string } | null)?.back;
  const query = useQuery({ queryKey: keys.event(eventId), queryFn: ({ signal }) => api.event(eventId, signal) });

  return (
    <>
      <Link to={`/events${back ? `?${back}` : ""}`} className="-mt-2 mb-1 inline-flex min-h-11 items-center gap-1 rounded-md pr-3 text-sm font-medium text-primary">
        <Icon name="back" size={18} /> Events
      </Link>
      {query.isPending ? (
        <EventSkeleton />
      ) : query.data ? (
        <EventView key={query.data.id} event={query.data} />
      ) : query.error instanceof ApiError && query.error.status === 404 ? (
        <EmptyState icon="lid" title="This event is not here" action={<ButtonLink to="/events">All events</ButtonLink>}>
          It may have been kept as long as it was to be kept, and then removed.
        </EmptyState>
      ) : (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      )}
    </>
  );
}

function EventView({ event: told }: { event: GuardianEvent }) {
  const signed = useSignedEvent(told);
  const event = signed.data && !signed.isPlaceholderData ? asSigned(told, signed.data) : told;
  const now = useNow(event.end === null);
  return (
    <article>
      <title>{`${labelName(event.label)}, ${event.camera_name || event.camera_id} · Guardian`}</title>
      <header className="mb-5">
        <h1 className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xl font-semibold sm:text-2xl">
          <Icon name={labelIcon(event.label)} size={28} className="text-primary" />
          {labelName(event.label)}
          {event.end === null && (
            <Pill tone="lamp" live>
              In progress
            </Pill>
          )}
        </h1>
        <p className="mt-1 text-soft">
          {event.camera_name || event.camera_id} · <time dateTime={event.start}>{dateTime(event.start)}</time> ·{" "}
          {event.end ? duration(between(event.start, event.end)) : `${duration(between(event.start, now.toISOString()))} so far`}
        </p>
      </header>
      <TrustNotice edgeId={event.edge_id} />
      <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <ClipSection event={event} signed={signed.data} />
        <aside className="grid min-w-0 gap-4">
          <SnapshotPanel event={event} signed={signed.data} failure={signed.error} retry={() => void signed.refetch()} />
          <EventFacts event={event} signed={signed.data} />
        </aside>
      </div>
    </article>
  );
}

function EventSkeleton() {
  return (
    <div role="status" className="grid gap-6">
      <span className="sr-only">Loading the event</span>
      <Skeleton className="h-8 w-48" />
      <Skeleton className="aspect-video max-w-3xl" />
    </div>
  );
}
