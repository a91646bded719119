// Fingerprints read aloud: ten words for the first ten bytes of a SHA-256.
import list from "../../../src/guardian/vault/words.txt?raw";
import { concat, utf8 } from "./bytes";
import { sha256 } from "./primitives";
import type { Roster } from "./roster";

const WORDS = list.split("\n").filter((word) => word !== "");

export function wordsOf(hash: Uint8Array): string[] {
  return Array.from(hash.subarray(0, 10), (byte) => WORDS[byte] ?? "");
}

/** The words that an owner compares with the edge's console: they bind this household and this edge's keys. */
export async function edgeWords(
  roster: Pick<Roster, "genesisHash">,
  edge: { readonly signPublic: Uint8Array; readonly receivePublic: Uint8Array },
): Promise<string[]> {
  return wordsOf(
    await sha256(utf8("guardian/words/v1\0"), concat(roster.genesisHash, edge.signPublic, edge.receivePublic)),
  );
}
