// Shown while a key is derived: the browser computes hard for about a second and cannot say how far it is.
import type { ReactNode } from "react";

export function Working({ children }: { children: ReactNode }) {
  return (
    <div role="status" className="grid gap-2 text-sm text-soft">
      <div className="h-1 overflow-hidden rounded-full bg-line">
        <div className="h-full w-1/3 animate-pulse rounded-full bg-primary" />
      </div>
      {children}
    </div>
  );
}

/** Lets the browser paint before a computation holds it. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
}
