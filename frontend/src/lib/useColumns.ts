// How many cards stand beside each other: the breakpoints of the card grid, for code that must know them.
import { useSyncExternalStore } from "react";

const steps = [
  [3, "(min-width: 80rem)"],
  [2, "(min-width: 40rem)"],
] as const;

const matcher = (text: string): MediaQueryList | null => (typeof window.matchMedia === "function" ? window.matchMedia(text) : null);

function columns(): number {
  return steps.find(([, text]) => matcher(text)?.matches)?.[0] ?? 1;
}

function listen(tell: () => void): () => void {
  const lists = steps.map(([, text]) => matcher(text));
  for (const list of lists) list?.addEventListener("change", tell);
  return () => {
    for (const list of lists) list?.removeEventListener("change", tell);
  };
}

export function useColumns(): number {
  return useSyncExternalStore(listen, columns);
}
