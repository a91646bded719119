// A household for the tests: an owner, an edge with its private keys, objects sealed by it.
import { newId, random, type Bytes } from "./bytes";
import type { Metadata } from "./header";
import { receivePublic, signingKey, signPublic } from "./primitives";
import { newestEpoch, type Party } from "./roster";
import { OpenVault, type Created } from "./session";
import { sealClip, sealPicture, type Fragment } from "./writer";

export interface TestEdge extends Party {
  readonly signKey: CryptoKey;
  readonly receiveSeed: Bytes;
}

/** Random bytes of any length; the browser gives at most 64 KiB at a time. */
export function noise(length: number): Bytes {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(out.subarray(at, Math.min(length, at + 65_536)));
  return out;
}

export async function makeParty(name: string): Promise<TestEdge> {
  const sign = random(32);
  const receive = random(32);
  return {
    id: newId(),
    name,
    signPublic: await signPublic(sign),
    receivePublic: await receivePublic(receive),
    signKey: await signingKey(sign),
    receiveSeed: receive,
  };
}

export const SECRET = "seven quiet herons";

export async function makeHousehold(): Promise<Created & { edge: TestEdge }> {
  const created = await OpenVault.create(SECRET, "Owner");
  const edge = await makeParty("Hall");
  const { id, name, signPublic: sign, receivePublic: receive } = edge;
  await created.vault.adopt(await created.vault.confirmEdge({ id, name, signPublic: sign, receivePublic: receive }));
  return { ...created, edge };
}

export function metadata(vault: OpenVault, edge: Party, kind: Metadata["kind"]): Metadata {
  const clip = kind === "clip";
  return {
    household: vault.household,
    edge: edge.id,
    camera: "front",
    kind,
    start: "2026-01-31T08:00:00.000000Z",
    media: clip ? "video/mp4" : "image/jpeg",
    codec: clip ? "avc1.64001f" : "",
    timescale: clip ? 12_800 : 1,
    width: 640,
    height: 360,
    preCaptureMs: clip ? 5000 : 0,
  };
}

export async function sealedPicture(vault: OpenVault, edge: TestEdge, picture: Bytes, objectId: string = newId()): Promise<{ objectId: string; bytes: Bytes }> {
  const epoch = newestEpoch(vault.roster);
  return { objectId, bytes: await sealPicture(metadata(vault, edge, "snapshot"), epoch, edge.signKey, objectId, picture) };
}

export async function sealedClip(vault: OpenVault, edge: TestEdge, init: Bytes, fragments: readonly Fragment[], objectId: string = newId()): Promise<{ objectId: string; bytes: Bytes }> {
  const epoch = newestEpoch(vault.roster);
  return { objectId, bytes: await sealClip(metadata(vault, edge, "clip"), epoch, edge.signKey, objectId, init, fragments) };
}

export async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no refusal";
  } catch (error) {
    return error instanceof Error && "reason" in error ? String(error.reason) : String(error);
  }
}
