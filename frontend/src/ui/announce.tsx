// One polite live region for the whole page: new events and finished actions are said once to screen readers.
import { create } from "zustand";

interface Announcer {
  text: string;
  announce: (text: string) => void;
}

const useAnnouncer = create<Announcer>((set) => ({ text: "", announce: (text) => set({ text }) }));

export const announce = (text: string): void => useAnnouncer.getState().announce(text);

export function LiveRegion() {
  const text = useAnnouncer((state) => state.text);
  return (
    <div aria-live="polite" className="sr-only">
      {text}
    </div>
  );
}
