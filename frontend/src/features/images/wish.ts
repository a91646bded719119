// What is typed into the form, what is wrong with it in a sentence, and what is asked of the server.
import type { ImageRequest } from "@/api/types";

export interface Wish {
  image: string;
  nodeId: string;
  name: string;
  timezone: string;
  locale: string;
  ssid: string;
  passphrase: string;
  sshKey: string;
  unattended: boolean;
  encrypt: boolean;
}

export type Faults = Partial<Record<keyof Wish, string>>;

// As the machine takes them (src/guardian/common/seed_settings.py): it refuses a seed with anything else in it.
const LOCALE = /^[A-Za-z][A-Za-z0-9_.@-]{0,31}$/;
const PASSPHRASE = /^(?:[ -~]{8,63}|[0-9a-fA-F]{64})$/;
const SSH_KEY = /^(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{40,1900}={0,2}(?: [!-~][ -~]{0,127})?$/;
const CONTROL = /\p{C}/u;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** This browser's time zone, by its name in the tz database. */
export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** All that can be chosen, this browser's among them. */
export function timeZones(): string[] {
  return [...new Set(["UTC", ownTimeZone(), ...Intl.supportedValuesOf("timeZone")])].sort();
}

export function emptyWish(): Wish {
  return { image: "", nodeId: "", name: "", timezone: ownTimeZone(), locale: "", ssid: "", passphrase: "", sshKey: "", unattended: false, encrypt: false };
}

/** A key's line without what an editor or a terminal put around it. */
export const tidyKey = (line: string): string => line.trim().replace(/\s+/g, " ");

export function faultsOf(wish: Wish): Faults {
  const faults: Faults = {};
  const name = wish.name.trim();
  if (!name) faults.name = "Give it a name, such as the room it stands in.";
  else if (CONTROL.test(name)) faults.name = "Use plain text for the name.";
  if (wish.locale && !LOCALE.test(wish.locale)) faults.locale = "Write it as de_DE.UTF-8, or leave it empty.";
  if (wish.ssid && (bytesOf(wish.ssid) > 32 || CONTROL.test(wish.ssid))) faults.ssid = "A Wi-Fi’s name is plain text of at most 32 bytes.";
  if (!wish.ssid && wish.passphrase) faults.ssid = "Say which Wi-Fi this passphrase is for.";
  if (wish.ssid && !PASSPHRASE.test(wish.passphrase)) faults.passphrase = "A Wi-Fi’s passphrase has 8 to 63 plain characters. A network without one cannot be used.";
  const key = tidyKey(wish.sshKey);
  if (key.includes("PRIVATE KEY")) faults.sshKey = "That is a private key: keep it to yourself. The public one is the line in the file that ends in .pub.";
  else if (key && !SSH_KEY.test(key)) faults.sshKey = "Give one public key as OpenSSH writes it: a line that begins with ssh-ed25519, for example.";
  return faults;
}

/** What is sent. `fingerprint` is of the household as this browser verified it: of another one the server makes no image. */
export function requestOf(wish: Wish, fingerprint: string): ImageRequest {
  return {
    image: wish.image,
    node_id: wish.nodeId || null,
    name: wish.name.trim(),
    fingerprint,
    timezone: wish.timezone,
    locale: wish.locale,
    wifi: wish.ssid ? { ssid: wish.ssid, psk: wish.passphrase } : null,
    ssh_key: tidyKey(wish.sshKey),
    unattended: wish.unattended,
    encrypt: wish.encrypt,
  };
}
