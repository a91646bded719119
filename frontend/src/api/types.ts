// The API's messages, by the names the UI uses. Their shapes are generated from openapi.json.
import type { components, operations } from "@/gen/api";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type GuardianEvent = Schemas["Event"];
export type EventObject = Schemas["EventObject"];
export type EventPage = Schemas["EventPage"];
export type ObjectKind = EventObject["kind"];
export type Camera = Schemas["Camera"];
export type State = Camera["state"];
export type Edge = Schemas["Edge"];
export type GuardianNode = Schemas["Node"];
export type RosterPage = Schemas["RosterPage"];
export type WireRosterEntry = Schemas["RosterEntry"];
export type WireSlot = Schemas["Slot"];
export type Images = Schemas["Images"];
export type GenericImage = Schemas["GenericImage"];
export type SeededImage = Schemas["SeededImage"];
export type WholeImageRequest = Schemas["ImageRequest"];
/** The generated type wants every field; the server fills in those that are left out. */
export type ImageRequest = Partial<WholeImageRequest> & Pick<WholeImageRequest, "image" | "name" | "fingerprint">;
export type Ticket = Schemas["Ticket"];
export type Command = Schemas["Command"];
export type CommandState = Schemas["CommandState"];
export type EventFilters = Omit<NonNullable<operations["list_events"]["parameters"]["query"]>, "cursor" | "limit">;
