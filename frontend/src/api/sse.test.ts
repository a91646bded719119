import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openStream, parser, type Message } from "./sse";

function read(...pieces: string[]): Message[] {
  const messages: Message[] = [];
  const feed = parser((message) => messages.push(message));
  pieces.forEach(feed);
  return messages;
}

describe("the stream's text", () => {
  it("becomes messages, wherever it was cut", () => {
    const text = 'id: 7\nevent: event\ndata: {"a":1}\n\n: ping\n\nevent: roster\ndata: {}\n\n';
    const whole = read(text);
    expect(whole).toEqual([
      { event: "event", id: "7", data: '{"a":1}' },
      { event: "roster", id: "7", data: "{}" },
    ]);
    for (let cut = 1; cut < text.length; cut += 1) expect(read(text.slice(0, cut), text.slice(cut))).toEqual(whole);
  });

  it("may end its lines as it likes", () => {
    expect(read("data: a\r\ndata: b\r\n\r\n", "data:c\r", "\r", "x")).toEqual([
      { event: "message", id: "", data: "a\nb" },
      { event: "message", id: "", data: "c" },
    ]);
  });

  it("without data is no message", () => {
    expect(read("event: event\n\n")).toEqual([]);
  });
});

describe("a stream that breaks off", () => {
  const ends: (() => void)[] = [];
  afterEach(() => ends.splice(0).forEach((end) => end()));

  async function serve(answer: (request: IncomingMessage, response: ServerResponse, turn: number) => void): Promise<string> {
    let turn = 0;
    const server = createServer((request, response) => answer(request, response, turn++));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  it("is taken up again after the last event that came", async () => {
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response, turn) => {
      asked.push(request.headers["last-event-id"] as string | undefined);
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(`id: ${turn + 41}\nevent: event\ndata: ${turn}\n\n`);
      if (turn === 0) response.end();
    });
    const got: string[] = [];
    const states: string[] = [];
    ends.push(openStream({ url, onMessage: (message) => got.push(message.data), onConnection: (state) => states.push(state), onSignedOut: () => undefined }));
    await vi.waitFor(() => expect(got).toEqual(["0", "1"]), 10_000);
    expect(asked).toEqual([undefined, "41"]);
    expect(states).toEqual(expect.arrayContaining(["connecting", "live"]));
    expect(states.at(-1)).toBe("live");
  });

  it("is not asked for again once signed out", async () => {
    let turns = 0;
    const url = await serve((_, response) => {
      turns += 1;
      response.writeHead(401).end();
    });
    const out = vi.fn();
    ends.push(openStream({ url, onMessage: () => undefined, onConnection: () => undefined, onSignedOut: out }));
    await vi.waitFor(() => expect(out).toHaveBeenCalledOnce(), 10_000);
    expect(turns).toBe(1);
  });
});
