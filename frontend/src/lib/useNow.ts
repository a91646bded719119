// The time, again every second, only where something on screen depends on it.
import { useEffect, useState } from "react";

/** A clock that ticks only where something is still going on. */
export function useNow(active: boolean): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => setNow(new Date()), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return now;
}
