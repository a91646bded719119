// Service worker: answers /sealed/NONCE.mp4 with what the page opens on demand. It keeps nothing: no key, no byte, no list.
import type { ReadAnswer, ReadRequest } from "./protocol";
import { parseRange, type Range } from "./range";

declare const self: ServiceWorkerGlobalScope;

const SEALED = /^\/sealed\/([0-9a-f]{32})\.mp4$/;
const PATIENCE_MS = 30_000;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const data: unknown = event.data;
  if (typeof data === "object" && data !== null && "type" in data && data.type === "guardian:claim") {
    event.waitUntil(self.clients.claim());
  }
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const nonce = SEALED.exec(url.pathname)?.[1];
  if (url.origin !== self.location.origin || nonce === undefined) return;
  event.respondWith(respond(event.clientId, nonce, parseRange(event.request.headers.get("Range"))));
});

async function respond(clientId: string, nonce: string, range: Range | null): Promise<Response> {
  if (range === null) return refuse(400, "Sealed clips are given by range only.");
  // Only the page that opened the clip is asked: another tab has no part in it.
  const page = await self.clients.get(clientId);
  if (page === undefined) return refuse(410, "The page that opened this clip is gone.");
  const answer = await ask(page, { type: "guardian:read", nonce, ...range });
  if (!answer.ok) return refuse(answer.status, answer.sentence);
  const end = answer.start + answer.bytes.byteLength - 1;
  return new Response(answer.bytes, {
    status: 206,
    headers: {
      "Content-Type": "video/mp4",
      "Content-Range": `bytes ${answer.start}-${end}/${answer.total}`,
      "Accept-Ranges": "bytes",
      "Cache-Control": "no-store",
    },
  });
}

function ask(page: Client, request: ReadRequest): Promise<ReadAnswer> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => resolve({ ok: false, status: 504, sentence: "The page did not answer." }), PATIENCE_MS);
    port1.onmessage = (event: MessageEvent<ReadAnswer>) => {
      clearTimeout(timer);
      port1.close();
      resolve(event.data);
    };
    page.postMessage(request, [port2]);
  });
}

function refuse(status: number, sentence: string): Response {
  return new Response(sentence, { status, headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" } });
}
