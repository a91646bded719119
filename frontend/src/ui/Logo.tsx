// The mark: a lens with its lid half closed, and one small lamp. It watches, and keeps what it sees to itself.
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="8" className="fill-primary" />
      <circle cx="16" cy="16" r="9.5" className="stroke-paper" strokeWidth="2.5" />
      <path d="M10.2 16h11.6a5.8 5.8 0 0 1-11.6 0Z" className="fill-paper" />
      <circle cx="16" cy="12" r="1.7" className="fill-lamp-glow" />
    </svg>
  );
}

export function Logo() {
  return (
    <span className="flex items-center gap-2.5">
      <Mark />
      <span className="leading-tight">
        <span className="block text-xs text-faint">Private AI</span>
        <span className="-mt-0.5 block font-semibold tracking-tight">Guardian</span>
      </span>
    </span>
  );
}
