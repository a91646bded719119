// Client of a node's relay: ticket, challenge, session, then sealed bytes by range. No ticket or token is ever in a URL.
import { b64u, unb64, unb64u, VaultError, type Bytes, type ByteSource, type OpenVault, type Piece } from "../vault";
import { fromStatus, RelayError } from "./errors";
import { metrics } from "./metrics";

/** Body of `POST /api/v1/tickets`. */
export interface TicketRequest {
  readonly node_id: string;
  readonly member: string;
  readonly objects: readonly string[];
  readonly events: readonly string[];
}

export interface TicketGrant {
  readonly ticket: string;
  readonly node_id: string;
  readonly relay_url: string;
  readonly expires: string;
}

export type GetTicket = (request: TicketRequest) => Promise<TicketGrant>;

export interface RelayedEvent {
  readonly event: Bytes;
  readonly signature: Bytes;
  readonly edge: string;
}

interface Session {
  readonly url: string;
  readonly token: string;
  readonly expires: number;
  readonly granted: Set<string>;
}

interface Want {
  readonly objects: readonly string[];
  readonly events: readonly string[];
}

const RENEW_BEFORE_MS = 60_000;
const MOST_PER_TICKET = 500;
const BATCH_MS = 15;
// Below the worker's own patience, so that the page still has the sentence.
const PATIENCE_MS = 25_000;

function field(value: unknown, name: string): string {
  const found = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  if (typeof found !== "string") throw new RelayError("malformed");
  return found;
}

async function refusal(response: Response): Promise<RelayError> {
  let reason = "";
  try {
    reason = field(await response.json(), "reason");
  } catch {
    // A proxy in between answers without our JSON: the status alone says enough.
  }
  return fromStatus(response.status, reason);
}

/** A request that is given up after a while: a worker that waits for it would be ended by the browser without a word. */
async function call(url: string, init: RequestInit, stop?: AbortSignal): Promise<Response> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  const signal = stop === undefined ? late : AbortSignal.any([late, stop]);
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer", redirect: "error" });
  } catch {
    if (stop?.aborted === true) throw stop.reason;
    throw new RelayError(late.aborted ? "too_slow" : "node_unreachable");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function json(url: string, method: string, body: unknown, token?: string): Promise<unknown> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  const response = await call(url, { method, headers, body: JSON.stringify(body) });
  try {
    return (await response.json()) as unknown;
  } catch {
    throw new RelayError("malformed");
  }
}

/** One node. Wishes that come close together share a ticket; one session carries them all. */
class NodeLink {
  readonly #nodeId: string;
  readonly #vault: OpenVault;
  readonly #getTicket: GetTicket;
  #session: Session | null = null;
  #waiting: { objects: Set<string>; events: Set<string>; done: Promise<Session> } | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(nodeId: string, vault: OpenVault, getTicket: GetTicket) {
    this.#nodeId = nodeId;
    this.#vault = vault;
    this.#getTicket = getTicket;
  }

  close(): void {
    this.#closed = true;
    const session = this.#session;
    this.#session = null;
    if (session === null) return;
    const goodbye = { method: "DELETE", headers: { Authorization: `Bearer ${session.token}` }, keepalive: true };
    // A session that cannot be ended ends by itself within ten minutes; the keys here are gone either way.
    void call(`${session.url}/v1/sessions/current`, goodbye).catch((): void => undefined);
  }

  /** GETs what `want` names; a session that ended meanwhile is opened anew once. */
  async get(path: string, want: Want, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Response> {
    for (let attempt = 0; ; attempt += 1) {
      const session = await this.#grant(want);
      signal?.throwIfAborted();
      try {
        const authorization = { ...headers, Authorization: `Bearer ${session.token}` };
        return await call(`${session.url}${path}`, { headers: authorization }, signal);
      } catch (error) {
        const ended = error instanceof RelayError && (error.reason === "session_expired" || error.reason === "ticket_refused");
        if (!ended || attempt > 0) throw error;
        if (this.#session === session) this.#session = null;
      }
    }
  }

  async #grant(want: Want): Promise<Session> {
    if (this.#closed) throw new RelayError("closed");
    const names = [...want.objects, ...want.events];
    const session = this.#session;
    const fresh = session !== null && session.expires - Date.now() > RENEW_BEFORE_MS;
    if (fresh && names.every((name) => session.granted.has(name))) return session;
    const full = this.#waiting !== null && this.#waiting.objects.size + this.#waiting.events.size + names.length > MOST_PER_TICKET;
    if (this.#waiting === null || full) this.#waiting = this.#newBatch();
    const batch = this.#waiting;
    for (const id of want.objects) batch.objects.add(id);
    for (const id of want.events) batch.events.add(id);
    return batch.done;
  }

  #newBatch(): { objects: Set<string>; events: Set<string>; done: Promise<Session> } {
    const objects = new Set<string>();
    const events = new Set<string>();
    // One after another: two that open sessions at once would each forget the other's.
    const before = this.#last;
    const run = async (): Promise<Session> => {
      await new Promise((resolve) => setTimeout(resolve, BATCH_MS));
      await before.catch((): void => undefined);
      if (this.#waiting?.objects === objects) this.#waiting = null;
      return this.#request({ objects: [...objects], events: [...events] });
    };
    const done = run();
    this.#last = done;
    return { objects, events, done };
  }

  async #request(want: Want): Promise<Session> {
    const grant = await this.#getTicket({ node_id: this.#nodeId, member: this.#vault.memberId, ...want });
    if (grant.node_id !== this.#nodeId) throw new RelayError("malformed");
    const url = grant.relay_url.replace(/\/+$/, "");
    const old = this.#session;
    const session = (old?.url === url ? await this.#renew(old, grant.ticket) : null) ?? (await this.#open(url, grant.ticket));
    if (this.#closed) throw new RelayError("closed");
    for (const name of [...want.objects, ...want.events]) session.granted.add(name);
    this.#session = session;
    return session;
  }

  async #renew(old: Session, ticket: string): Promise<Session | null> {
    try {
      const answer = await json(`${old.url}/v1/sessions/current`, "PUT", { ticket }, old.token);
      return { ...old, expires: Date.parse(field(answer, "expires")) };
    } catch (error) {
      if (error instanceof RelayError && (error.reason === "session_expired" || error.reason === "not_found")) return null;
      throw error;
    }
  }

  async #open(url: string, ticket: string): Promise<Session> {
    const asked = await json(`${url}/v1/challenges`, "POST", { ticket });
    // The challenge is signed for the node this page means: one that relays another node's challenge gains nothing.
    if (field(asked, "node") !== this.#nodeId) throw new RelayError("malformed", "Another node answered than the one asked for.");
    const challenge = field(asked, "challenge");
    const signature = b64u(await this.#vault.signChallenge(this.#nodeId, unb64u(challenge, 32), ticket));
    const body = { ticket, challenge, member: this.#vault.memberId, signature };
    const answer = await json(`${url}/v1/sessions`, "POST", body);
    return { url, token: field(answer, "session"), expires: Date.parse(field(answer, "expires")), granted: new Set() };
  }
}

function totalOf(response: Response): number {
  const match = /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "");
  if (response.status !== 206 || match?.[1] === undefined) throw new RelayError("malformed");
  return Number(match[1]);
}

export class Relay {
  readonly #vault: OpenVault;
  readonly #getTicket: GetTicket;
  readonly #links = new Map<string, NodeLink>();
  #closed = false;

  constructor(vault: OpenVault, getTicket: GetTicket) {
    this.#vault = vault;
    this.#getTicket = getTicket;
  }

  /** A sealed object as a source of ranges. `count` is told every byte that came. */
  source(nodeId: string, objectId: string, count?: (bytes: number) => void): ByteSource {
    return {
      read: async (offset, length, signal) => {
        const range = offset < 0 ? `bytes=${offset}` : `bytes=${offset}-${offset + length - 1}`;
        const want = { objects: [objectId], events: [] };
        const response = await this.#link(nodeId).get(`/v1/objects/${objectId}`, want, { Range: range }, signal);
        const piece: Piece = { total: totalOf(response), bytes: await body(response, signal) };
        if (piece.bytes.length > length) throw new RelayError("malformed");
        metrics.requests += 1;
        metrics.bytesFetched += piece.bytes.length;
        count?.(piece.bytes.length);
        return piece;
      },
    };
  }

  /** An event with its boxes, not yet verified: give it to `OpenVault.verifyEvent`. */
  async event(nodeId: string, eventId: string, signal?: AbortSignal): Promise<RelayedEvent> {
    const response = await this.#link(nodeId).get(`/v1/events/${eventId}`, { objects: [], events: [eventId] }, {}, signal);
    try {
      const answer = (await response.json()) as unknown;
      return { event: unb64(field(answer, "event")), signature: unb64(field(answer, "signature")), edge: field(answer, "edge") };
    } catch (error) {
      if (error instanceof VaultError || error instanceof SyntaxError) throw new RelayError("malformed");
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #link(nodeId: string): NodeLink {
    if (this.#closed) throw new RelayError("closed");
    const known = this.#links.get(nodeId);
    if (known !== undefined) return known;
    const link = new NodeLink(nodeId, this.#vault, this.#getTicket);
    this.#links.set(nodeId, link);
    return link;
  }
}

async function body(response: Response, signal?: AbortSignal): Promise<Bytes> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    if (signal?.aborted === true) throw signal.reason;
    throw new RelayError("edge_offline", "The connection to the device at home broke off while the recording was coming. Try again.");
  }
}
