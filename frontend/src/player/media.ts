// What the UI asks for: pictures, clips and verified events of an open vault. Everything ends when the vault locks.
import { unpackData } from "../vault/object";
import { VaultError, type OpenVault, type SealedObject, type SignedEventBody } from "../vault";
import { serve, withdraw } from "./bridge";
import { VirtualClip } from "./clip";
import { RelayError } from "./errors";
import { Relay, type GetTicket } from "./relay";

/** An object of an event, as the inventory names it. */
export interface MediaRef {
  readonly id: string;
  readonly nodeId: string;
  readonly edgeId: string;
  readonly cameraId?: string | undefined;
  /** A clip's end; null while it is being recorded. */
  readonly end?: string | null | undefined;
  /** The inventory knows that the clip's writer died: it grows no more, though it has no end. */
  readonly truncated?: boolean | undefined;
}

/** A decrypted picture. Its address dies with `release` and when the vault locks. */
export interface Picture {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly release: () => void;
}

/** `recording`: the clip still grows; what is there now can be played. `truncated`: its writer died, it ends early. */
export type ClipState = "complete" | "truncated" | "recording";

export interface ClipInfo {
  readonly state: ClipState;
  /** When the first picture was taken, RFC 3339. */
  readonly start: string;
  readonly durationSeconds: number;
  readonly preCaptureSeconds: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly sealedBytes: number;
}

export interface Clip {
  /** For `<video src>`; answered by the service worker. */
  readonly src: string;
  readonly info: ClipInfo;
  /** Called with a sentence when something refuses to open or to come. Returns what undoes it. */
  readonly onError: (tell: (sentence: string, error: unknown) => void) => () => void;
  /** Sets `src` on the element, counts until its first picture, and empties it on lock or `close`. */
  readonly attach: (video: HTMLVideoElement) => () => void;
  readonly close: () => void;
}

export class SealedMedia {
  readonly #vault: OpenVault;
  readonly #relay: Relay;
  readonly #open = new Set<() => void>();
  readonly #abort = new AbortController();

  constructor(vault: OpenVault, getTicket: GetTicket) {
    this.#vault = vault;
    this.#relay = new Relay(vault, getTicket);
    vault.onLock(() => this.close());
  }

  async picture(ref: MediaRef, kind: "snapshot" | "thumbnail", signal?: AbortSignal): Promise<Picture> {
    const stop = this.#stop(signal);
    const object = await this.#openObject(ref, kind, stop);
    const bytes = unpackData(await object.readParts(0, object.parts.length, stop));
    if (object.state !== "complete") throw new VaultError("damaged", "This picture was cut short and is not shown.");
    this.#mustBeOpen();
    const url = URL.createObjectURL(new Blob([bytes], { type: object.header.metadata.media }));
    const { width, height } = object.header.metadata;
    return { url, width, height, release: this.#held(() => URL.revokeObjectURL(url)) };
  }

  async clip(ref: MediaRef, signal?: AbortSignal): Promise<Clip> {
    let fetched = 0;
    const count = (bytes: number): void => {
      fetched += bytes;
    };
    const object = await this.#openObject(ref, "clip", this.#stop(signal), count);
    const clip = await VirtualClip.open(object, ref.end === null && ref.truncated !== true, this.#abort.signal);
    this.#mustBeOpen();
    const served = await serve(clip, () => fetched);
    const close = this.#held(() => withdraw(served));
    this.#mustBeOpen();
    return { src: served.src, info: clip.info, onError: served.onError, attach: served.attach, close };
  }

  /** An event as its edge signed it, boxes and all. */
  async event(nodeId: string, edgeId: string, eventId: string, signal?: AbortSignal): Promise<SignedEventBody> {
    const relayed = await this.#relay.event(nodeId, eventId, this.#stop(signal));
    if (relayed.edge !== edgeId) throw new VaultError("wrong_object", "These details come from another edge than this event. They are not shown.");
    const event = await this.#vault.verifyEvent(edgeId, relayed.event, relayed.signature);
    if (event.id !== eventId) throw new VaultError("wrong_object", "These details belong to another event. They are not shown.");
    return event;
  }

  /** Ends everything shown and the node's session. Called by the vault's lock. */
  close(): void {
    this.#abort.abort(new RelayError("closed"));
    for (const end of [...this.#open]) end();
    this.#relay.close();
  }

  async #openObject(ref: MediaRef, kind: "clip" | "snapshot" | "thumbnail", signal: AbortSignal, count?: (bytes: number) => void): Promise<SealedObject> {
    const source = this.#relay.source(ref.nodeId, ref.id, count);
    return this.#vault.openObject(source, { objectId: ref.id, edge: ref.edgeId, camera: ref.cameraId, kind }, signal);
  }

  #stop(signal?: AbortSignal): AbortSignal {
    return signal === undefined ? this.#abort.signal : AbortSignal.any([this.#abort.signal, signal]);
  }

  #mustBeOpen(): void {
    if (this.#abort.signal.aborted) throw new RelayError("closed");
  }

  #held(end: () => void): () => void {
    const once = (): void => {
      if (this.#open.delete(once)) end();
    };
    this.#open.add(once);
    return once;
  }
}
