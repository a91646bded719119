// Saves the opened clip as a file, made in this browser. From then on it is an ordinary, unsealed video.
import { useEffect, useRef, useState } from "react";
import { readByRanges } from "@/lib/ranges";
import { saveBlob } from "@/lib/save";
import type { Clip } from "@/player";
import { announce } from "@/ui/announce";

export function useSave(clip: Clip, camera: string): { save: () => void; share: number | null; error: unknown } {
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const save = async (): Promise<void> => {
    const ended = new AbortController();
    running.current = ended;
    setShare(0);
    setError(null);
    try {
      const blob = await readByRanges(clip.src, setShare, ended.signal);
      const moment = clip.info.start.replace(/\.\d+/, "").replaceAll(":", "");
      saveBlob(`${camera}-${moment}.mp4`, blob);
      announce("The clip was saved");
    } catch (failure) {
      if (!ended.signal.aborted) setError(failure);
    } finally {
      if (!ended.signal.aborted) setShare(null);
    }
  };
  return { save: () => void save(), share, error };
}
