// One event in the timeline: its picture, opened here when it comes into view, and what is known without opening it.
import { memo } from "react";
import { Link } from "react-router";
import type { GuardianEvent } from "@/api/types";
import { Thumbnail } from "@/features/media/Thumbnail";
import { between, clockTime, duration, labelName } from "@/lib/format";
import { Pill } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { cx } from "@/ui/cx";
import { labelIcon } from "./labels";

interface Props {
  event: GuardianEvent;
  fresh: boolean;
  back: string;
}

export const EventCard = memo(function EventCard({ event, fresh, back }: Props) {
  const cut = event.objects.some((object) => object.kind === "clip" && object.truncated);
  const name = event.camera_name || event.camera_id;
  return (
    <li data-testid="event-card" data-event-id={event.id} data-label={event.label} data-revision={event.revision} className={cx("min-w-0", fresh && "animate-arrive")}>
      <Link
        to={`/events/${event.id}`}
        state={{ back }}
        className="group grid h-full grid-cols-[8.5rem_minmax(0,1fr)] overflow-hidden rounded-lg border border-line bg-surface shadow-card transition-shadow hover:border-line-strong hover:shadow-lift sm:grid-cols-1 sm:grid-rows-[auto_1fr]"
      >
        <Thumbnail event={event} />
        <div className="grid content-center gap-1 px-3.5 py-3 sm:px-4">
          <p className="flex items-center gap-2 font-semibold">
            <Icon name={labelIcon(event.label)} size={18} className="text-primary" />
            <span className="truncate">{labelName(event.label)}</span>
            <time dateTime={event.start} className="ml-auto font-mono text-sm font-medium text-soft">
              {clockTime(event.start)}
            </time>
          </p>
          <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm text-faint">
            <span className="truncate">{name}</span>
            {event.end ? (
              <span className="tabular">{`· ${duration(between(event.start, event.end))}`}</span>
            ) : (
              <Pill tone="lamp" live>
                In progress
              </Pill>
            )}
            {cut && (
              <Pill tone="danger" icon="cut">
                Cut short
              </Pill>
            )}
            {fresh && event.end && <Pill tone="primary">New</Pill>}
          </p>
        </div>
      </Link>
    </li>
  );
});
