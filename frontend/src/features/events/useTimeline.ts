// The timeline's pages, loaded as one scrolls. Live events are merged into this cache by app/live.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "@/api";
import type { GuardianEvent } from "@/api/types";
import { keys } from "@/app/queries";
import { toQuery, type Filters } from "./filters";
import { flatten } from "./merge";

const PAGE = 50;

export function useTimeline(filters: Filters) {
  const asked = toQuery(filters);
  const query = useInfiniteQuery({
    queryKey: [...keys.events, asked],
    queryFn: ({ pageParam, signal }) => api.events(asked, pageParam, PAGE, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    staleTime: 30_000,
  });
  const pages = query.data?.pages;
  const events: GuardianEvent[] = useMemo(() => (pages ? flatten(pages) : []), [pages]);
  return { query, events };
}
