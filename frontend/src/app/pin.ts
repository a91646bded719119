// What this browser remembers of a household's roster: no secret, but what lets it find out an older or another chain.
import type { RosterPin } from "@/vault";

const key = (tenant: string): string => `guardian.pin.${tenant}`;

function isPin(value: unknown): value is RosterPin {
  if (typeof value !== "object" || value === null) return false;
  const pin = value as Record<string, unknown>;
  return typeof pin["household"] === "string" && Number.isInteger(pin["entries"]) && typeof pin["head"] === "string" && pin["head"].length === 64;
}

export function readPin(tenant: string): RosterPin | undefined {
  try {
    const value: unknown = JSON.parse(window.localStorage.getItem(key(tenant)) ?? "null");
    return isPin(value) ? value : undefined;
  } catch {
    return undefined; // Blocked storage or a broken value: this browser then has seen nothing yet.
  }
}

/** Keeps the higher of two chains: a tab that lags behind must not undo what another has seen. */
export function writePin(tenant: string, pin: RosterPin): void {
  const known = readPin(tenant);
  if (known && known.household === pin.household && known.entries > pin.entries) return;
  try {
    window.localStorage.setItem(key(tenant), JSON.stringify({ household: pin.household, entries: pin.entries, head: pin.head }));
  } catch {
    // Blocked storage: the chain is then checked for this tab's life only.
  }
}
