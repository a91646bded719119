// Server state: one client, one place for keys and refresh rules.
import { QueryCache, QueryClient, useQuery } from "@tanstack/react-query";
import { api } from "@/api";
import { ApiError } from "@/api/errors";
import type { Session } from "@/api/types";
import { forgetSignedIn, maybeSignedIn, rememberSignedIn } from "./signed";

// Any route may be the first to hear that the session ended; the session is then asked for, and the page leaves.
const cache = new QueryCache({
  onError: (error, query) => {
    const ended = error instanceof ApiError && error.status === 401 && query.queryKey[0] !== keys.session[0];
    if (ended) void queryClient.invalidateQueries({ queryKey: keys.session });
  },
});

export const queryClient: QueryClient = new QueryClient({
  queryCache: cache,
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 4,
      retryDelay: (attempt) => Math.min(10_000, 400 * 2 ** attempt) * (0.5 + Math.random() / 2),
    },
  },
});

export const keys = {
  session: ["session"] as const,
  events: ["events"] as const,
  event: (id: string) => ["event", id] as const,
  around: (clipId: string) => ["events-around", clipId] as const,
  cameras: ["cameras"] as const,
  edges: ["edges"] as const,
  nodes: ["nodes"] as const,
  images: ["images"] as const,
};

async function askSession(signal: AbortSignal): Promise<Session> {
  if (!maybeSignedIn()) throw new ApiError(401, "not_logged_in", "Sign in first.");
  try {
    const session = await api.session(signal);
    rememberSignedIn();
    return session;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) forgetSignedIn();
    throw error;
  }
}

export function useSession() {
  return useQuery({ queryKey: keys.session, queryFn: ({ signal }) => askSession(signal), staleTime: 60_000 });
}

/** Status changes arrive over the event stream; the slow refresh is for what a lost message would hide. */
export function useCameras() {
  return useQuery({ queryKey: keys.cameras, queryFn: ({ signal }) => api.cameras(signal), refetchInterval: 30_000 });
}

export function useEdges() {
  return useQuery({ queryKey: keys.edges, queryFn: ({ signal }) => api.edges(signal), refetchInterval: 30_000 });
}

export function useNodes() {
  return useQuery({ queryKey: keys.nodes, queryFn: ({ signal }) => api.nodes(signal), refetchInterval: 60_000 });
}

/** Generic images that are still being read by the server come later, and what was made ends by itself. */
export function useImages() {
  return useQuery({ queryKey: keys.images, queryFn: ({ signal }) => api.images(signal), refetchInterval: 60_000 });
}
