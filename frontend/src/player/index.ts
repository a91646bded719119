// The player's one door: sealed pictures, clips and events, fetched from a node and opened here.
export { RelayError, type RelayReason } from "./errors";
export { SealedMedia, type Clip, type ClipInfo, type ClipState, type MediaRef, type Picture } from "./media";
export { startWorker } from "./bridge";
export { metrics, type Metrics } from "./metrics";
export type { GetTicket, TicketGrant, TicketRequest } from "./relay";
