// The page's side of the service worker: it answers the worker's requests for bytes, as long as the vault is open.
import { hex, sentenceOf } from "../vault";
import type { ReadAnswer, ReadRequest } from "../sw/protocol";
import type { VirtualClip } from "./clip";
import { RelayError } from "./errors";
import { metrics } from "./metrics";

type Tell = (sentence: string, error: unknown) => void;

export interface Served {
  readonly src: string;
  readonly onError: (tell: Tell) => () => void;
  readonly attach: (video: HTMLVideoElement) => () => void;
}

interface Entry {
  readonly clip: VirtualClip;
  readonly tellers: Set<Tell>;
  readonly detach: Set<() => void>;
  failure: unknown;
}

const WORKER_PATIENCE_MS = 10_000;

const served = new Map<string, Entry>();
const nonces = new WeakMap<Served, string>();
let started: Promise<void> | null = null;

/** Registers the worker and waits until it answers for this page. Safe to call often. */
export function startWorker(): Promise<void> {
  started ??= start().catch((error: unknown) => {
    started = null;
    throw error;
  });
  return started;
}

async function start(): Promise<void> {
  if (!("serviceWorker" in navigator)) throw new RelayError("worker");
  navigator.serviceWorker.addEventListener("message", (event: MessageEvent<ReadRequest>) => void answer(event));
  navigator.serviceWorker.startMessages();
  try {
    await navigator.serviceWorker.register("/sw.js", { scope: "/", updateViaCache: "none" });
    // `ready` waits for ever for a worker that cannot be installed.
    const registration = await Promise.race([navigator.serviceWorker.ready, givenUp()]);
    if (navigator.serviceWorker.controller !== null) return;
    // After a forced reload no worker answers for the page until it claims it.
    const controlled = new Promise<void>((resolve) => {
      navigator.serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
    });
    registration.active?.postMessage({ type: "guardian:claim" });
    await Promise.race([controlled, givenUp()]);
  } catch {
    throw new RelayError("worker");
  }
}

function givenUp(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new RelayError("worker")), WORKER_PATIENCE_MS);
  });
}

/** Gives a clip an address that only this page answers for. */
export async function serve(clip: VirtualClip, fetched: () => number): Promise<Served> {
  await startWorker();
  const nonce = hex(crypto.getRandomValues(new Uint8Array(16)));
  const entry: Entry = { clip, tellers: new Set(), detach: new Set(), failure: null };
  served.set(nonce, entry);
  const src = `/sealed/${nonce}.mp4`;
  const one: Served = {
    src,
    onError: (tell) => {
      entry.tellers.add(tell);
      if (entry.failure !== null) tell(sentenceOf(entry.failure), entry.failure);
      return () => entry.tellers.delete(tell);
    },
    attach: (video) => attach(entry, src, video, fetched),
  };
  nonces.set(one, nonce);
  return one;
}

/** Ends a clip: its address answers no more, elements that showed it are emptied, opened parts dropped. */
export function withdraw(one: Served): void {
  const nonce = nonces.get(one) ?? "";
  const entry = served.get(nonce);
  served.delete(nonce);
  for (const detach of [...(entry?.detach ?? [])]) detach();
  entry?.clip.drop();
  entry?.tellers.clear();
}

function attach(entry: Entry, src: string, video: HTMLVideoElement, fetched: () => number): () => void {
  const began = performance.now();
  metrics.bytesBeforeFirstFrame = null;
  metrics.millisecondsToFirstFrame = null;
  const firstFrame = (): void => {
    metrics.bytesBeforeFirstFrame ??= fetched();
    metrics.millisecondsToFirstFrame ??= performance.now() - began;
  };
  video.addEventListener("loadeddata", firstFrame, { once: true });
  video.src = src;
  const detach = (): void => {
    if (!entry.detach.delete(detach)) return;
    video.removeEventListener("loadeddata", firstFrame);
    video.pause();
    video.removeAttribute("src");
    // Without this the element keeps its last picture and what it has buffered.
    video.load();
  };
  entry.detach.add(detach);
  return detach;
}

async function answer(event: MessageEvent<ReadRequest>): Promise<void> {
  const port = event.ports[0];
  if (event.data?.type !== "guardian:read" || port === undefined) return;
  const entry = served.get(event.data.nonce);
  const reply = entry === undefined ? gone() : await read(entry, event.data);
  port.postMessage(reply, reply.ok ? [reply.bytes] : []);
  port.close();
}

function gone(): ReadAnswer {
  return { ok: false, status: 410, sentence: "This clip is no longer open." };
}

async function read(entry: Entry, request: ReadRequest): Promise<ReadAnswer> {
  try {
    const slice = await entry.clip.read(request.start, request.end);
    return { ok: true, start: slice.start, total: slice.total, bytes: slice.bytes.buffer };
  } catch (error) {
    if (error instanceof RelayError && error.reason === "range") return { ok: false, status: 416, sentence: error.sentence };
    entry.failure = error;
    for (const tell of entry.tellers) tell(sentenceOf(error), error);
    return { ok: false, status: 502, sentence: sentenceOf(error) };
  }
}
