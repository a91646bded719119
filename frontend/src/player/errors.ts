// What can go wrong between this page and a node's relay, said so that its owner can act.

export type RelayReason =
  | "edge_offline"
  | "too_slow"
  | "node_unreachable"
  | "not_found"
  | "ticket_refused"
  | "session_expired"
  | "range"
  | "malformed"
  | "overloaded"
  | "worker"
  | "closed";

export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly reason: RelayReason;
  readonly sentence: string;

  constructor(reason: RelayReason, sentence: string = SENTENCES[reason]) {
    super(sentence);
    this.reason = reason;
    this.sentence = sentence;
  }
}

const SENTENCES: Readonly<Record<RelayReason, string>> = {
  edge_offline: "The device at home is not connected right now. It holds this recording; it will be here again when it is back online.",
  too_slow: "The device at home took too long to send this recording. Its connection may be slow; try again.",
  node_unreachable: "Your node cannot be reached. Check your connection and try again.",
  not_found: "This recording is no longer on the device: it was deleted, or its time to be kept is over.",
  ticket_refused: "Your node refused the permission this page showed. Reload the page; if it stays so, log in again.",
  session_expired: "Your node ended the connection. Try again.",
  range: "The recording is shorter than expected. Try again.",
  malformed: "Your node answered with something this page does not understand. It may run another version.",
  overloaded: "Your node is busy. Try again in a moment.",
  worker: "This browser could not start the part that plays sealed video. Reload the page; private windows of some browsers do not allow it.",
  closed: "The vault was locked.",
};

export function fromStatus(status: number, reason: string): RelayError {
  if (Object.hasOwn(SENTENCES, reason)) return new RelayError(reason as RelayReason);
  if (status === 401) return new RelayError("session_expired");
  if (status === 403) return new RelayError("ticket_refused");
  if (status === 404 || status === 410) return new RelayError("not_found");
  if (status === 416) return new RelayError("range");
  if (status === 429) return new RelayError("overloaded");
  if (status === 502 || status === 503 || status === 504) return new RelayError("edge_offline");
  return new RelayError("malformed");
}
