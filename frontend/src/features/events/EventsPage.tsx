// The timeline: what happened, newest first, growing while one looks at it.
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useSearchParams } from "react-router";
import { useCameras } from "@/app/queries";
import { useConnection } from "@/app/live";
import { byDay } from "./merge";
import { localDay } from "@/lib/format";
import { Button, Spinner } from "@/ui/Button";
import { EmptyState, ErrorState, PageHeader } from "@/ui/Feedback";
import { EventList } from "./EventList";
import { GettingStarted } from "@/features/onboarding/GettingStarted";
import { FilterBar } from "./FilterBar";
import { isFiltered, noFilters, readFilters, writeFilters, type Filters } from "./filters";
import { TimelineSkeleton } from "./TimelineSkeleton";
import { useTimeline } from "./useTimeline";
import { WatchingNow } from "./WatchingNow";

export default function EventsPage() {
  const [search, setSearch] = useSearchParams();
  const filters = readFilters(search);
  const setFilters = (next: Filters): void => setSearch(writeFilters(next), { replace: true });
  const { query, events } = useTimeline(filters);
  const connection = useConnection((store) => store.state);
  const arrived = useConnection((store) => store.arrived);
  const cameras = useCameras();
  const groups = useMemo(() => byDay(events, localDay), [events]);
  const back = search.toString();
  const { fetchNextPage } = query;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);

  return (
    <>
      <PageHeader title="Events" lead={<WatchingNow cameras={cameras.data} />} />
      <FilterBar filters={filters} onChange={setFilters} cameras={cameras.data ?? []} events={events} />
      <div data-testid="event-list" data-connection={connection} data-count={events.length} aria-busy={query.isPending}>
        {query.isPending ? (
          <TimelineSkeleton />
        ) : query.isError && events.length === 0 ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : events.length === 0 ? (
          <Nothing filtered={isFiltered(filters)} clear={() => setFilters(noFilters)} />
        ) : (
          <EventList groups={groups} more={query.hasNextPage} arrived={arrived} back={back} />
        )}
        {query.hasNextPage && <LoadMore busy={query.isFetchingNextPage} failed={query.isFetchNextPageError} load={more} />}
        {!query.hasNextPage && events.length > 12 && <p className="text-center text-sm text-faint">That is everything.</p>}
      </div>
    </>
  );
}

function Nothing({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (filtered) {
    return (
      <EmptyState icon="filter" title="No event matches" action={<Button onClick={clear}>Clear the filters</Button>}>
        Nothing that is kept fits all of these filters.
      </EmptyState>
    );
  }
  return <GettingStarted />;
}

function LoadMore({ busy, failed, load }: { busy: boolean; failed: boolean; load: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = mark.current;
    if (!node || busy || failed) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), { rootMargin: "800px" });
    observer.observe(node);
    return () => observer.disconnect();
  }, [busy, failed, load]);
  return (
    <div ref={mark} className="grid min-h-20 place-items-center text-faint">
      {busy ? <Spinner size={24} /> : <Button onClick={load}>{failed ? "That did not load. Try again" : "Show earlier events"}</Button>}
    </div>
  );
}
