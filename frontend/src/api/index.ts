// The control plane's routes as functions.
import { request } from "./http";
import type {
  Camera, Command, CommandState, Edge, EventFilters, EventPage, GuardianEvent, GuardianNode, RosterPage, Session, Ticket, WireRosterEntry,
} from "./types";

const id = encodeURIComponent;

export const api = {
  session: (signal?: AbortSignal) => request<Session>("GET", "/session", { signal }),
  login: (email: string, password: string) => request<Session>("POST", "/session", { body: { email, password } }),
  logout: () => request<void>("DELETE", "/session"),

  events: (filters: EventFilters, cursor: string | null, limit: number, signal?: AbortSignal) =>
    request<EventPage>("GET", "/events", { query: { ...filters, cursor: cursor ?? undefined, limit }, signal }),
  event: (eventId: string, signal?: AbortSignal) => request<GuardianEvent>("GET", `/events/${id(eventId)}`, { signal }),

  cameras: (signal?: AbortSignal) => request<Camera[]>("GET", "/cameras", { signal }),
  edges: (signal?: AbortSignal) => request<Edge[]>("GET", "/edges", { signal }),
  nodes: (signal?: AbortSignal) => request<GuardianNode[]>("GET", "/nodes", { signal }),

  slots: (signal?: AbortSignal) => request<unknown[]>("GET", "/vault/slots", { signal }),
  putSlot: (slotId: string, slot: unknown) => request<void>("PUT", `/vault/slots/${id(slotId)}`, { body: slot }),
  deleteSlot: (slotId: string) => request<void>("DELETE", `/vault/slots/${id(slotId)}`),
  roster: (from: number, signal?: AbortSignal) => request<RosterPage>("GET", "/vault/roster", { query: { from }, signal }),
  postRoster: (first: number, entries: WireRosterEntry[]) => request<void>("POST", "/vault/roster", { body: { first, entries } }),

  ticket: (nodeId: string, member: string, objects: string[], events: string[]) =>
    request<Ticket>("POST", "/tickets", { body: { node_id: nodeId, member, objects, events } }),
  command: (command: Command) => request<CommandState>("POST", "/commands", { body: command }),
  commandState: (commandId: string, signal?: AbortSignal) => request<CommandState>("GET", `/commands/${id(commandId)}`, { signal }),
};
