// Opens one sealed clip for a video element, and closes it with the component or the vault.
import { useEffect, useState } from "react";
import { useVault } from "@/app/vault";
import { playerCode, sealedMedia } from "@/features/media/pictures";
import type { Clip, MediaRef } from "@/player";

export type ClipLoad = { state: "opening" } | { state: "ready"; clip: Clip } | { state: "failed"; error: unknown };

export function useClip(ref: MediaRef, wanted: boolean): { load: ClipLoad; retry: () => void; fail: (error: unknown) => void } {
  const { vault } = useVault();
  const [load, setLoad] = useState<ClipLoad>({ state: "opening" });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!vault || !wanted) return;
    const ended = new AbortController();
    let open: Clip | null = null;
    setLoad({ state: "opening" });
    const run = async (): Promise<void> => {
      const [media, { startWorker }] = await Promise.all([sealedMedia(vault), playerCode()]);
      await startWorker();
      const clip = await media.clip(ref, ended.signal);
      if (ended.signal.aborted) return clip.close();
      open = clip;
      setLoad({ state: "ready", clip });
    };
    run().catch((error: unknown) => {
      if (!ended.signal.aborted) setLoad({ state: "failed", error });
    });
    return () => {
      ended.abort();
      open?.close();
    };
    // The reference is rebuilt on every render; its id says whether it is another.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [vault, ref.id, wanted, attempt]);

  return { load, retry: () => setAttempt((count) => count + 1), fail: (error) => setLoad({ state: "failed", error }) };
}
