// A sealed picture for a component: opened when wanted, gone when the vault locks.
import { useEffect, useState } from "react";
import { useVault } from "@/app/vault";
import type { MediaRef } from "@/player";
import { keptPicture, openPicture } from "./pictures";

export type PictureState = { state: "waiting" } | { state: "open"; url: string; width: number; height: number } | { state: "failed"; error: unknown };

const waiting: PictureState = { state: "waiting" };

export function usePicture(ref: MediaRef | null, kind: "snapshot" | "thumbnail", wanted: boolean): { picture: PictureState; retry: () => void } {
  const { vault } = useVault();
  const id = ref?.id ?? "";
  const [attempt, setAttempt] = useState(0);
  const [result, setResult] = useState<{ id: string; picture: PictureState }>({ id: "", picture: waiting });

  useEffect(() => {
    if (!vault || !ref || !wanted) return;
    const ended = new AbortController();
    const known = keptPicture(ref.id);
    if (known) {
      setResult({ id: ref.id, picture: { state: "open", url: known.url, width: known.width, height: known.height } });
      return;
    }
    openPicture(vault, ref, kind, ended.signal).then(
      (opened) => {
        if (!ended.signal.aborted) setResult({ id: ref.id, picture: { state: "open", url: opened.url, width: opened.width, height: opened.height } });
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setResult({ id: ref.id, picture: { state: "failed", error } });
      },
    );
    return () => ended.abort();
    // The reference is rebuilt on every render; its id says whether it is another.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [vault, id, kind, wanted, attempt]);

  const retry = (): void => {
    setResult({ id: "", picture: waiting });
    setAttempt(attempt + 1);
  };
  return { picture: result.id === id ? result.picture : waiting, retry };
}
