// The control plane's routes as functions.
import { answered, client } from "./http";
import type { Command, EventFilters, ImageRequest, SeededImage, WholeImageRequest, WireRosterEntry, WireSlot } from "./types";

type Signal = AbortSignal | undefined;
const until = (signal: Signal) => (signal ? { signal } : {});

export const api = {
  session: (signal?: Signal) => answered(client.GET("/api/v1/session", until(signal))),
  login: (email: string, password: string) => answered(client.POST("/api/v1/session", { body: { email, password } })),
  logout: () => answered(client.DELETE("/api/v1/session")),

  events: (filters: EventFilters, cursor: string | null, limit: number, signal?: Signal) =>
    answered(client.GET("/api/v1/events", { params: { query: { ...filters, limit, ...(cursor ? { cursor } : {}) } }, ...until(signal) })),
  event: (eventId: string, signal?: Signal) =>
    answered(client.GET("/api/v1/events/{event_id}", { params: { path: { event_id: eventId } }, ...until(signal) })),

  cameras: (signal?: Signal) => answered(client.GET("/api/v1/cameras", until(signal))),
  edges: (signal?: Signal) => answered(client.GET("/api/v1/edges", until(signal))),
  nodes: (signal?: Signal) => answered(client.GET("/api/v1/nodes", until(signal))),

  slots: (signal?: Signal) => answered(client.GET("/api/v1/vault/slots", until(signal))),
  putSlot: (slot: WireSlot) => answered(client.PUT("/api/v1/vault/slots/{slot_id}", { params: { path: { slot_id: slot.id } }, body: slot })),
  roster: (from: number, signal?: Signal) => answered(client.GET("/api/v1/vault/roster", { params: { query: { from } }, ...until(signal) })),
  postRoster: (first: number, entries: WireRosterEntry[]) => answered(client.POST("/api/v1/vault/roster", { body: { first, entries } })),

  images: (signal?: Signal) => answered(client.GET("/api/v1/images", until(signal))),
  makeImage: (wanted: ImageRequest) => answered(client.POST("/api/v1/images", { body: wanted as WholeImageRequest })),
  removeImage: (imageId: string) => answered(client.DELETE("/api/v1/images/{image_id}", { params: { path: { image_id: imageId } } })),
  /** Asks for one byte: a download that the browser takes by itself says in no words why it was refused. */
  tryImage: (image: SeededImage) =>
    answered(
      client.GET("/api/v1/images/{image_id}/{file_name}.iso", {
        params: { path: { image_id: image.id, file_name: image.file_name.replace(/\.iso$/, "") }, header: { range: "bytes=0-0" } },
        parseAs: "arrayBuffer",
      }),
    ),

  ticket: (nodeId: string, member: string, objects: string[], events: string[]) =>
    answered(client.POST("/api/v1/tickets", { body: { node_id: nodeId, member, objects, events } })),
  command: (command: Command) => answered(client.POST("/api/v1/commands", { body: command })),
  commandState: (commandId: string, signal?: Signal) =>
    answered(client.GET("/api/v1/commands/{command_id}", { params: { path: { command_id: commandId } }, ...until(signal) })),
};
