// The icon set, drawn on a 20-unit grid with one stroke weight. Icons never stand alone for a meaning: a label is beside them.
import type { ReactNode } from "react";

const paths = {
  events: <><path d="M4 4v12" /><circle cx="4" cy="6" r="1.6" fill="currentColor" /><circle cx="4" cy="13" r="1.6" fill="currentColor" /><path d="M8.5 6H17M8.5 13h6" /></>,
  camera: <><rect x="2.5" y="5.5" width="11" height="9" rx="2" /><path d="m13.5 9 4-2.2v6.4l-4-2.2" /></>,
  device: <><rect x="3" y="4" width="14" height="9" rx="2" /><path d="M7 16.5h6M6 10h.01M9 10h5" /></>,
  settings: <><path d="M3 6h8M15 6h2M3 14h2M9 14h8" /><circle cx="13" cy="6" r="2" /><circle cx="7" cy="14" r="2" /></>,
  lock: <><rect x="4" y="9" width="12" height="8" rx="2" /><path d="M7 9V6.5a3 3 0 0 1 6 0V9M10 12.2v1.8" /></>,
  unlock: <><rect x="4" y="9" width="12" height="8" rx="2" /><path d="M7 9V6.5a3 3 0 0 1 5.8-1.1" /></>,
  key: <><circle cx="6.5" cy="13.5" r="3.5" /><path d="m9 11 7-7M13 7l2.5 2.5" /></>,
  play: <path d="M6 4.2v11.6L15.5 10Z" fill="currentColor" />,
  pause: <path d="M6.5 4.5v11M13.5 4.5v11" strokeWidth="2.6" />,
  volume: <><path d="M3 8v4h3l4 3V5L6 8Z" fill="currentColor" /><path d="M13 7.5a3.5 3.5 0 0 1 0 5M15.3 5.2a6.8 6.8 0 0 1 0 9.6" /></>,
  mute: <><path d="M3 8v4h3l4 3V5L6 8Z" fill="currentColor" /><path d="m13 8 4 4M17 8l-4 4" /></>,
  expand: <path d="M3.5 7.5v-4h4M16.5 7.5v-4h-4M3.5 12.5v4h4M16.5 12.5v4h-4" />,
  download: <path d="M10 3v9M6.5 8.8 10 12.3l3.5-3.5M4 16h12" />,
  back: <path d="M12 4.5 6.5 10l5.5 5.5" />,
  next: <path d="M8 4.5 13.5 10 8 15.5" />,
  warning: <><path d="M10 3.2 18 16.5H2Z" /><path d="M10 8.2v3.6M10 14.2v.01" /></>,
  ok: <><circle cx="10" cy="10" r="7" /><path d="m6.8 10.2 2.2 2.2 4.3-4.6" /></>,
  waiting: <><circle cx="10" cy="10" r="7" /><path d="M10 6v4l2.6 1.8" /></>,
  failed: <><circle cx="10" cy="10" r="7" /><path d="m7.5 7.5 5 5M12.5 7.5l-5 5" /></>,
  shield: <><path d="M10 2.5 16.5 5v4.5c0 4-2.6 6.8-6.5 8-3.9-1.2-6.5-4-6.5-8V5Z" /><path d="m7.2 9.8 2 2 3.6-3.8" /></>,
  person: <><circle cx="10" cy="6" r="3" /><path d="M4 17c.4-3.6 2.8-5.6 6-5.6s5.6 2 6 5.6" /></>,
  vehicle: <><path d="M3 12.5 4.6 8a2 2 0 0 1 1.9-1.300h7A2 2 0 0 1 15.4 8L17 12.500V15H3Z" /><path d="M5.5 15v1.500M14.5 15v1.500M6 12.200h.01M14 12.200h.01" /></>,
  animal: <><circle cx="5" cy="9" r="1.4" /><circle cx="8.2" cy="5.5" r="1.4" /><circle cx="11.8" cy="5.5" r="1.4" /><circle cx="15" cy="9" r="1.4" /><path d="M10 9.5c2 0 4 3 4 5 0 1.5-1.5 2-2.5 2S10.5 16 10 16s-.5.5-1.5.5-2.5-.5-2.5-2c0-2 2-5 4-5Z" /></>,
  motion: <path d="M3 6.500c2.3-2 4.7-2 7 0s4.7 2 7 0M3 10c2.3-2 4.7-2 7 0s4.7 2 7 0M3 13.500c2.3-2 4.7-2 7 0s4.7 2 7 0" />,
  object: <><path d="m10 3 6.5 3.500v7L10 17l-6.5-3.500v-7Z" /><path d="m3.7 6.6 6.3 3.4 6.3-3.400M10 10v7" /></>,
  copy: <><rect x="7" y="7" width="9.5" height="9.5" rx="2" /><path d="M13 7V5.500a2 2 0 0 0-2-2H5.500a2 2 0 0 0-2 2V11a2 2 0 0 0 2 2H7" /></>,
  print: <><path d="M6 7V3h8v4M6 14H4a1.5 1.5 0 0 1-1.5-1.500V8.500A1.5 1.5 0 0 1 4 7h12a1.5 1.5 0 0 1 1.5 1.500v4A1.5 1.5 0 0 1 16 14h-2" /><path d="M6 12h8v5H6Z" /></>,
  eye: <><path d="M2 10c2-3.6 4.7-5.4 8-5.400s6 1.8 8 5.400c-2 3.6-4.7 5.4-8 5.400S4 13.6 2 10Z" /><circle cx="10" cy="10" r="2.4" /></>,
  lid: <path d="M2 9c2 3.6 4.7 5.4 8 5.400s6-1.8 8-5.400M10 14.400V17M5.5 13l-1.5 2M14.5 13l1.5 2" />,
  refresh: <path d="M16.5 10a6.5 6.5 0 1 1-2-4.700M16.5 3v3.500H13" />,
  sun: <><circle cx="10" cy="10" r="3.2" /><path d="M10 2.500v1.600M10 15.900v1.600M2.5 10h1.600M15.9 10h1.600M4.7 4.700l1.1 1.100M14.2 14.200l1.1 1.100M4.7 15.300l1.1-1.100M14.2 5.800l1.1-1.1" /></>,
  logout: <path d="M8 3.500H5a1.5 1.5 0 0 0-1.5 1.500v10A1.5 1.5 0 0 0 5 16.500h3M8.5 10h8M13.5 7l3 3-3 3" />,
  filter: <path d="M3 5h14M6 10h8M8.5 15h3" />,
  cut: <><path d="M3 10h6" /><path d="M9 5v10" strokeDasharray="2 2" /><path d="M12.5 10H17" opacity=".35" /></>,
  film: <><rect x="3" y="4.5" width="14" height="11" rx="2" /><path d="M6.5 4.500v11M13.5 4.500v11M3 8.200h3.500M3 11.800h3.500M13.5 8.200H17M13.5 11.800H17" /></>,
  info: <><circle cx="10" cy="10" r="7" /><path d="M10 9.200v4.200M10 6.600v.01" /></>,
  members: <><circle cx="7.5" cy="7" r="2.6" /><path d="M2.5 16c.3-3 2.2-4.8 5-4.800s4.7 1.8 5 4.800M13 4.700a2.6 2.6 0 0 1 0 4.700M14.7 11.700c1.7.7 2.6 2.2 2.8 4.3" /></>,
  pen: <path d="m4 13.2 8.5-8.500a1.7 1.7 0 0 1 2.5 0l.3.300a1.7 1.7 0 0 1 0 2.500L6.8 16 3.5 16.500Z" />,
  stick: <><path d="M7 3.5h6V8H7Z" /><path d="M5.5 8h9v7a2 2 0 0 1-2 2h-5a2 2 0 0 1-2-2ZM9 5.7h.01M11 5.7h.01" /></>,
  plus: <path d="M10 4v12M4 10h12" />,
  down: <path d="m4.5 7.5 5.5 5.5 5.5-5.5" />,
  close: <path d="m5 5 10 10M15 5 5 15" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={className ? `shrink-0 ${className}` : "shrink-0"}
    >
      {paths[name]}
    </svg>
  );
}
