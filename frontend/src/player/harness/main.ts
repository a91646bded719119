// A bare page for tests: the product's vault and player without the UI around them, driven from outside.
import { b64u, entryFromJson, OpenVault, sentenceOf } from "../../vault";
import { metrics, SealedMedia, type Clip, type ClipInfo, type MediaRef, type TicketGrant } from "..";

interface Household {
  readonly slots: readonly unknown[];
  readonly entries: readonly unknown[];
}

let vault: OpenVault | null = null;
let media: SealedMedia | null = null;
let clip: Clip | null = null;
const errors: string[] = [];

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no #${id}`);
  return found as T;
}

async function getTicket(request: unknown): Promise<TicketGrant> {
  const answer = await fetch("/api/v1/tickets", { method: "POST", body: JSON.stringify(request) });
  return (await answer.json()) as TicketGrant;
}

async function told<T>(work: () => Promise<T>): Promise<T | { readonly refused: string; readonly reason: string }> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error && "reason" in error ? String(error.reason) : "";
    return { refused: sentenceOf(error), reason };
  }
}

const harness = {
  unlock: (household: Household, secret: string) =>
    told(async () => {
      const published = { slots: household.slots, entries: household.entries.map(entryFromJson) };
      vault = await OpenVault.unlockWithSecret(published, secret);
      media = new SealedMedia(vault, getTicket);
      return vault.memberName;
    }),
  load: (ref: MediaRef) =>
    told(async (): Promise<ClipInfo> => {
      if (media === null) throw new Error("unlock first");
      clip = await media.clip(ref);
      clip.onError((sentence) => errors.push(sentence));
      clip.attach(element<HTMLVideoElement>("video"));
      return clip.info;
    }),
  picture: (ref: MediaRef) =>
    told(async () => {
      if (media === null) throw new Error("unlock first");
      const picture = await media.picture(ref, "snapshot");
      const image = element<HTMLImageElement>("picture");
      image.src = picture.url;
      await image.decode();
      return { url: picture.url, width: image.naturalWidth };
    }),
  event: (nodeId: string, edgeId: string, eventId: string) =>
    told(async () => {
      if (media === null) throw new Error("unlock first");
      const event = await media.event(nodeId, edgeId, eventId);
      return { label: event.label, boxes: event.path.length };
    }),
  /** The colour in the middle of what the video shows now. */
  colour: (): number[] => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 8;
    const context = canvas.getContext("2d");
    context?.drawImage(element<HTMLVideoElement>("video"), 0, 0, 8, 8);
    return Array.from(context?.getImageData(4, 4, 1, 1).data ?? []);
  },
  seek: async (seconds: number): Promise<number> => {
    const video = element<HTMLVideoElement>("video");
    const done = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = seconds;
    await done;
    return video.currentTime;
  },
  lock: () => vault?.lock(),
  src: () => clip?.src ?? "",
  pin: () => (vault === null ? "" : b64u(vault.roster.genesisHash)),
  errors,
  metrics,
};

declare global {
  interface Window {
    harness: typeof harness;
  }
}

window.harness = harness;
