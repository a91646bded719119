// @vitest-environment node
// The relay's client against a real HTTP server that answers as a node's relay does.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { b64u, newId, random } from "../vault/bytes";
import { verifyChallenge } from "../vault/peers";
import { unb64u, type Created } from "../vault";
import { makeHousehold, noise, reasonOf } from "../vault/testing";
import { Relay, type TicketRequest } from "./relay";

let home: Created;
beforeAll(async () => {
  home = await makeHousehold();
});

const NODE = newId();
const OBJECT = noise(5000);
const CHALLENGE = b64u(random(32));

class Stand {
  readonly seen: string[] = [];
  readonly asked: TicketRequest[] = [];
  /** Reasons to refuse object reads with, first come first served. */
  readonly refuse: [number, string][] = [];
  node = NODE;
  expires = 600_000;
  url = "";
  readonly server = createServer((request, response) => void this.answer(request, response));

  getTicket = (request: TicketRequest): Promise<{ ticket: string; node_id: string; relay_url: string; expires: string }> => {
    this.asked.push(request);
    return Promise.resolve({ ticket: `ticket-${this.asked.length}`, node_id: NODE, relay_url: `${this.url}/`, expires: "" });
  };

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.seen.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, string>;
    const say = (status: number, value: unknown): void => void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    const expires = new Date(Date.now() + this.expires).toISOString();
    if (request.url === "/v1/challenges") return say(200, { challenge: CHALLENGE, node: this.node, expires });
    if (request.url === "/v1/sessions") {
      const { member = "", ticket = "", signature = "" } = body;
      await verifyChallenge(home.vault.roster, member, NODE, unb64u(CHALLENGE), ticket, unb64u(signature));
      return say(200, { session: `session-${this.seen.length}`, expires });
    }
    if (request.method === "PUT") return say(200, { expires });
    if (request.method === "DELETE") return void response.writeHead(204).end();
    const refused = this.refuse.shift();
    if (refused !== undefined) return say(refused[0], { reason: refused[1] });
    const [, from = "", to = ""] = /bytes=(\d*)-(\d*)/.exec(request.headers.range ?? "") ?? [];
    const start = from === "" ? OBJECT.length - Number(to) : Number(from);
    const piece = OBJECT.slice(start, from === "" ? undefined : Number(to) + 1);
    response.writeHead(206, { "Content-Range": `bytes ${start}-${start + piece.length - 1}/${OBJECT.length}` }).end(piece);
  }
}

let stand: Stand;
let relay: Relay;
beforeEach(async () => {
  stand = new Stand();
  await new Promise<void>((resolve) => stand.server.listen(0, "127.0.0.1", resolve));
  stand.url = `http://127.0.0.1:${(stand.server.address() as AddressInfo).port}`;
  relay = new Relay(home.vault, stand.getTicket);
});
afterEach(async () => {
  relay.close();
  await new Promise((resolve) => stand.server.close(resolve));
});

const count = (what: string): number => stand.seen.filter((line) => line.startsWith(what)).length;

describe("reading by range", () => {
  it("gives the bytes asked for, from the front and from the end, and the size", async () => {
    const source = relay.source(NODE, newId());
    expect(await source.read(10, 20)).toEqual({ bytes: OBJECT.slice(10, 30), total: 5000 });
    expect(await source.read(-16, 16)).toEqual({ bytes: OBJECT.slice(-16), total: 5000 });
  });

  it("puts wishes that come together on one ticket and opens one session", async () => {
    await Promise.all(Array.from({ length: 30 }, () => relay.source(NODE, newId()).read(0, 10)));
    expect(stand.asked).toHaveLength(1);
    expect(stand.asked[0]?.objects).toHaveLength(30);
    expect(count("POST /v1/sessions")).toBe(1);
  });

  it("adds later wishes to the session it has", async () => {
    await relay.source(NODE, newId()).read(0, 10);
    const later = relay.source(NODE, newId());
    await later.read(0, 10);
    await later.read(20, 10);
    expect([count("POST /v1/sessions"), count("PUT"), stand.asked.length]).toEqual([1, 1, 2]);
  });

  it("never asks for more than five hundred things with one ticket", async () => {
    await Promise.all(Array.from({ length: 520 }, () => relay.source(NODE, newId()).read(0, 1)));
    expect(stand.asked.map((one) => one.objects.length)).toEqual([500, 20]);
  });

  it("renews a session that is about to end", async () => {
    stand.expires = 30_000;
    const source = relay.source(NODE, newId());
    await source.read(0, 1);
    await source.read(0, 1);
    expect(count("PUT")).toBe(1);
  });

  it("puts no ticket or session into an address", async () => {
    await relay.source(NODE, newId()).read(0, 1);
    expect(stand.seen.join("\n")).not.toMatch(/ticket-|session-\d/);
  });
});

describe("refusals", () => {
  it("opens a session anew, once, when the node ended it", async () => {
    stand.refuse.push([401, "session_expired"]);
    const source = relay.source(NODE, newId());
    expect((await source.read(0, 5)).bytes).toHaveLength(5);
    expect(count("POST /v1/sessions")).toBe(2);
    stand.refuse.push([401, "session_expired"], [401, "session_expired"]);
    expect(await reasonOf(source.read(0, 5))).toBe("session_expired");
    expect(count("POST /v1/sessions")).toBe(3);
  });

  it.each([
    [503, "edge_offline", "edge_offline"],
    [504, "", "edge_offline"],
    [404, "", "not_found"],
    [403, "", "ticket_refused"],
    [416, "", "range"],
    [429, "", "overloaded"],
    [500, "constructor", "malformed"],
  ])("tells status %i %s as %s", async (status, reason, told) => {
    stand.refuse.push([status, reason], [status, reason]);
    expect(await reasonOf(relay.source(NODE, newId()).read(0, 5))).toBe(told);
  });

  it("signs nothing for a node that is not the one asked for", async () => {
    stand.node = newId();
    expect(await reasonOf(relay.source(NODE, newId()).read(0, 5))).toBe("malformed");
    expect(count("POST /v1/sessions")).toBe(0);
  });

  it("says that a node cannot be reached", async () => {
    stand.url = "http://127.0.0.1:1";
    expect(await reasonOf(relay.source(NODE, newId()).read(0, 5))).toBe("node_unreachable");
  });

  it("asks nothing more after it was closed, and ends the node's session", async () => {
    const source = relay.source(NODE, newId());
    await source.read(0, 5);
    relay.close();
    await expect.poll(() => count("DELETE /v1/sessions/current")).toBe(1);
    expect(await reasonOf(source.read(0, 5))).toBe("closed");
  });
});
