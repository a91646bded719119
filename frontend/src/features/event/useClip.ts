// Opens one sealed clip for a video element, and closes it with the component or the vault.
import { useEffect, useRef, useState } from "react";
import { useVault } from "@/app/vault";
import { playerCode, sealedMedia } from "@/features/media/pictures";
import type { Clip, MediaRef } from "@/player";

export type ClipLoad = { state: "opening" } | { state: "ready"; clip: Clip } | { state: "failed"; error: unknown };

interface Opened {
  load: ClipLoad;
  /** Opens it anew; a clip that is on screen stays there until the newer one is open. */
  again: () => void;
  fail: (error: unknown) => void;
}

export function useClip(ref: MediaRef): Opened {
  const { vault } = useVault();
  const [load, setLoad] = useState<ClipLoad>({ state: "opening" });
  const [attempt, setAttempt] = useState(0);
  const shown = useRef<Clip | null>(null);

  useEffect(() => {
    if (!vault) return;
    const ended = new AbortController();
    setLoad((before) => (before.state === "ready" && shown.current ? before : { state: "opening" }));
    const run = async (): Promise<void> => {
      const [media, { startWorker }] = await Promise.all([sealedMedia(vault), playerCode()]);
      await startWorker();
      const clip = await media.clip(ref, ended.signal);
      if (ended.signal.aborted) return clip.close();
      shown.current?.close();
      shown.current = clip;
      setLoad({ state: "ready", clip });
    };
    run().catch((error: unknown) => {
      if (!ended.signal.aborted) setLoad({ state: "failed", error });
    });
    return () => ended.abort();
    // The reference is rebuilt on every render; its id says whether it is another.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [vault, ref.id, attempt]);

  useEffect(
    () => () => {
      shown.current?.close();
      shown.current = null;
    },
    [vault, ref.id],
  );

  return { load, again: () => setAttempt((count) => count + 1), fail: (error) => setLoad({ state: "failed", error }) };
}
