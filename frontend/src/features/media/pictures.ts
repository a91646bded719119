// Opened pictures: fetched and decrypted a few at a time, kept while they may be seen again, dropped all at once on lock.
import { api } from "@/api";
import { useVault, whenLocked } from "@/app/vault";
import type { OpenVault } from "@/vault";
import type { MediaRef, Picture, SealedMedia } from "@/player";

const AT_ONCE = 3; // Opening one costs about 25 ms of this thread; more at once would stutter while scrolling.
const KEPT = 240;

const playerCode = () => import("@/player");

let opened: { vault: OpenVault; media: Promise<SealedMedia> } | null = null;

/** The one door to sealed media of the vault that is open now. */
export function sealedMedia(vault: OpenVault): Promise<SealedMedia> {
  if (opened?.vault !== vault) {
    const media = playerCode().then(({ SealedMedia }) => new SealedMedia(vault, (wish) => api.ticket(wish.node_id, wish.member, [...wish.objects], [...wish.events])));
    opened = { vault, media };
  }
  return opened.media;
}

export { playerCode };

type Kind = "snapshot" | "thumbnail";

const kept = new Map<string, Picture>();
const queue: (() => void)[] = [];
let running = 0;

whenLocked(() => {
  for (const picture of kept.values()) picture.release();
  kept.clear();
  opened = null;
});

function turn(signal: AbortSignal): Promise<void> {
  if (running < AT_ONCE) {
    running += 1;
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const begin = (): void => {
      signal.removeEventListener("abort", leave);
      running += 1;
      resolve();
    };
    const leave = (): void => {
      queue.splice(queue.indexOf(begin), 1);
      reject(signal.reason as Error);
    };
    queue.push(begin);
    signal.addEventListener("abort", leave, { once: true });
  });
}

function done(): void {
  running -= 1;
  queue.shift()?.();
}

export function keptPicture(objectId: string): Picture | undefined {
  return kept.get(objectId);
}

/** Opens one picture, or takes the one already open. Rejects when `signal` ends it or the vault is locked. */
export async function openPicture(vault: OpenVault, ref: MediaRef, kind: Kind, signal: AbortSignal): Promise<Picture> {
  await turn(signal);
  try {
    const known = kept.get(ref.id);
    if (known) return known;
    const media = await sealedMedia(vault);
    const picture = await media.picture(ref, kind, signal);
    if (useVault.getState().vault !== vault) {
      picture.release();
      throw new DOMException("locked", "AbortError");
    }
    keep(ref.id, picture);
    return picture;
  } finally {
    done();
  }
}

function keep(id: string, picture: Picture): void {
  kept.set(id, picture);
  if (kept.size <= KEPT) return;
  const [oldest] = kept;
  if (!oldest) return;
  kept.delete(oldest[0]);
  // An image element that still shows it has its pixels; only the address dies.
  oldest[1].release();
}
