// A sealed picture for a component: opened when wanted, gone when the vault locks.
import { useEffect, useState } from "react";
import { useVault } from "@/app/vault";
import type { MediaRef } from "@/player";
import { keptPicture, openPicture } from "./pictures";

export type PictureState = { state: "waiting" } | { state: "open"; url: string; width: number; height: number } | { state: "failed"; error: unknown };

const waiting: PictureState = { state: "waiting" };
// An edge that was away for a moment, or a picture announced before it was durable: worth asking again, ever more rarely.
const PATIENCE_MS = [2_000, 8_000, 30_000];
const passing = new Set(["edge_offline", "node_unreachable", "overloaded", "not_found", "session_expired"]);

function mayPass(error: unknown): boolean {
  return error instanceof Error && "reason" in error && typeof error.reason === "string" && passing.has(error.reason);
}

/** When `ref` changes to a newer picture, the one before stays until the newer is open. */
export function usePicture(ref: MediaRef | null, kind: "snapshot" | "thumbnail", wanted: boolean): { picture: PictureState; retry: () => void } {
  const { vault } = useVault();
  const [attempt, setAttempt] = useState(0);
  const [picture, setPicture] = useState<PictureState>(waiting);
  const id = ref?.id ?? "";

  useEffect(() => {
    if (!vault || !ref || !wanted) return;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (opened: { url: string; width: number; height: number }): void => {
      setPicture({ state: "open", url: opened.url, width: opened.width, height: opened.height });
    };
    const open = (turn: number): void => {
      openPicture(vault, ref, kind, ended.signal).then(
        (opened) => {
          if (!ended.signal.aborted) show(opened);
        },
        (error: unknown) => {
          if (ended.signal.aborted) return;
          setPicture((before) => (before.state === "open" ? before : { state: "failed", error }));
          const pause = PATIENCE_MS[turn];
          if (pause !== undefined && mayPass(error)) timer = setTimeout(() => open(turn + 1), pause);
        },
      );
    };
    const known = keptPicture(ref.id);
    if (known) show(known);
    else open(0);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
    // The reference is rebuilt on every render; its id says whether it is another.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [vault, id, kind, wanted, attempt]);

  const retry = (): void => {
    setPicture(waiting);
    setAttempt(attempt + 1);
  };
  return { picture: vault && ref ? picture : waiting, retry };
}
