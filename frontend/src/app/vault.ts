// The vault as the page knows it: there or not, locked or open. The keys live in OpenVault, in memory, until lock or the tab's end.
import { create } from "zustand";
import { api } from "@/api";
import { ApiError } from "@/api/errors";
import type { RosterPage } from "@/api/types";
import type { Authored, OpenVault, RosterEntry, Slot } from "@/vault";
import { readPin, writePin } from "./pin";

export type VaultStatus = "loading" | "failed" | "absent" | "locked" | "open";

export interface Fault {
  reason: string;
  sentence: string;
}

interface VaultState {
  status: VaultStatus;
  tenant: string;
  vault: OpenVault | null;
  /** Rises whenever the roster changes, for what is computed from it. */
  version: number;
  /** The chain shown to this browser is not the one it knew: said on every page until it is gone. */
  fault: Fault | null;
  error: unknown;
}

const closed = { vault: null, error: null } as const;

export const useVault = create<VaultState>(() => ({ status: "loading", tenant: "", version: 0, fault: null, ...closed }));

const onLock = new Set<() => void>();

/** Runs when the vault is locked: whoever holds something opened drops it there. */
export function whenLocked(drop: () => void): () => void {
  onLock.add(drop);
  return () => onLock.delete(drop);
}

// The vault's code is a chunk of its own: the sign-in page does not wait for it.
export const vaultCode = () => import("@/vault");

async function fetchEntries(): Promise<RosterEntry[]> {
  const { entryFromJson } = await vaultCode();
  const entries: RosterEntry[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const page: RosterPage = await api.roster(from);
    if (page.first !== entries.length) throw new ApiError(502, "roster_gap", "The server left out part of the household's roster. Try again.");
    entries.push(...page.entries.map(entryFromJson));
    from = page.entries.length > 0 ? page.next : null;
  }
  return entries;
}

function asFault(error: unknown): Fault | null {
  if (!(error instanceof Error) || !("reason" in error) || (error.reason !== "fork" && error.reason !== "stale")) return null;
  return { reason: error.reason, sentence: error.message };
}

const vanished: Fault = {
  reason: "stale",
  sentence: "The server shows no vault, but this browser has seen your household's before. Do not set up a new one: whoever runs the service must put the old roster back.",
};

/** Finds out whether this account has a vault. */
export async function loadVault(tenant: string): Promise<void> {
  const before = useVault.getState();
  if (before.tenant === tenant && (before.status === "open" || before.status === "locked")) return;
  useVault.setState({ tenant, status: "loading", fault: null, ...closed });
  try {
    const page = await api.roster(0);
    const empty = page.entries.length === 0;
    if (empty && readPin(tenant)) useVault.setState({ status: "failed", fault: vanished, error: null });
    else useVault.setState({ status: empty ? "absent" : "locked" });
  } catch (error) {
    useVault.setState({ status: "failed", error });
  }
}

function opened(vault: OpenVault): void {
  const { tenant, version } = useVault.getState();
  writePin(tenant, vault.pin);
  useVault.setState({ status: "open", vault, version: version + 1, fault: null, error: null });
}

export async function unlockVault(kind: "secret" | "recovery", typed: string): Promise<void> {
  const { tenant } = useVault.getState();
  try {
    const [{ OpenVault }, slots, entries] = await Promise.all([vaultCode(), api.slots(), fetchEntries()]);
    const published = { slots, entries, pin: readPin(tenant) };
    opened(await (kind === "secret" ? OpenVault.unlockWithSecret(published, typed) : OpenVault.unlockWithRecovery(published, typed)));
  } catch (error) {
    const fault = asFault(error);
    if (fault) useVault.setState({ fault });
    throw error;
  }
}

/** Drops the keys and, through the listeners, everything they opened. */
export function lockVault(): void {
  const { vault } = useVault.getState();
  vault?.lock();
  for (const drop of onLock) drop();
  useVault.setState({ status: vault ? "locked" : useVault.getState().status, vault: null });
}

/** Forgets the account's vault, at sign-out. */
export function leaveVault(): void {
  lockVault();
  useVault.setState({ status: "loading", tenant: "", fault: null, ...closed });
}

/** Publishes a household made here: slots first, since a roster without its slots would lock its owner out. */
export async function publishVault(created: { vault: OpenVault; genesis: Authored; slots: readonly Slot[] }): Promise<void> {
  for (const slot of created.slots) await api.putSlot(slot);
  const { entryToJson } = await vaultCode();
  await api.postRoster(0, [entryToJson(created.genesis.entry)]);
  opened(created.vault);
}

/** SHA-256 of the roster's first entry, as this browser has verified it: by that a machine knows its household. */
export async function verifiedHousehold(): Promise<string> {
  const { vault } = useVault.getState();
  if (!vault || vault.locked) throw new ApiError(0, "locked", "The vault is locked. Open it and try again.");
  const { hex } = await vaultCode();
  return hex(vault.roster.genesisHash);
}

/** Signs an entry, publishes it and takes it into the chain. If another browser was quicker, once more upon its entry. */
export async function publishEntry(sign: (vault: OpenVault) => Promise<Authored>): Promise<void> {
  const { entryToJson } = await vaultCode();
  for (let attempt = 0; ; attempt += 1) {
    const { vault } = useVault.getState();
    if (!vault) throw new ApiError(0, "locked", "The vault is locked. Open it and try again.");
    const authored = await sign(vault);
    try {
      await api.postRoster(authored.first, [entryToJson(authored.entry)]);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || attempt > 0) throw error;
      await refreshRoster();
      continue;
    }
    await vault.adopt(authored);
    return opened(vault);
  }
}

/** Asks for the chain again; a fork or a stale chain is kept out and told. */
export async function refreshRoster(): Promise<void> {
  const { vault } = useVault.getState();
  if (!vault || vault.locked) return;
  try {
    await vault.acceptRoster(await fetchEntries());
    if (!vault.locked) opened(vault);
  } catch (error) {
    const fault = asFault(error);
    if (fault) useVault.setState({ fault });
    // Anything else is a passing failure of the network; the chain known so far stays in force.
  }
}
