// @vitest-environment node
// The household's story, as a browser lives it: V3 to V6 and V8 from the page's side.
import { beforeAll, describe, expect, it } from "vitest";
import { b64u, random, type Bytes } from "./bytes";
import { openObject, unpackData } from "./object";
import { verifyRoster } from "./roster";
import { OpenVault, type Created } from "./session";
import { parseSlot, type Slot } from "./slots";
import { memorySource } from "./source";
import { makeHousehold, makeParty, noise, reasonOf, SECRET, sealedClip, sealedPicture, type TestEdge } from "./testing";

let home: Created & { edge: TestEdge };
beforeAll(async () => {
  home = await makeHousehold();
});

const expected = (objectId: string): { objectId: string; edge: string } => ({ objectId, edge: home.edge.id });
const published = (slots: readonly unknown[] = home.slots): { slots: readonly unknown[]; entries: typeof home.vault.roster.entries } => ({
  slots,
  entries: home.vault.roster.entries,
});

describe("unlocking", () => {
  it("opens with the secret and with the recovery code, however it is typed", async () => {
    expect((await OpenVault.unlockWithSecret(published(), SECRET)).memberName).toBe("Owner");
    const sloppy = home.recoveryCode.toLowerCase().replaceAll("-", " ").replaceAll("0", "o").replaceAll("1", "l");
    expect((await OpenVault.unlockWithRecovery(published(), sloppy)).household).toBe(home.vault.household);
  });

  it("refuses a wrong secret and a mistyped code with different reasons", async () => {
    expect(await reasonOf(OpenVault.unlockWithSecret(published(), "seven quiet heron"))).toBe("wrong_secret");
    const slip = home.recoveryCode.replace(/^./, (first) => (first === "7" ? "8" : "7"));
    expect(await reasonOf(OpenVault.unlockWithRecovery(published(), slip))).toBe("recovery_code");
  });

  it.each([
    ["memory of ten gigabytes", { m: 10_485_760 }],
    ["a thousand passes", { t: 1000 }],
    ["a cost that makes guessing cheap", { m: 8 }],
    ["lanes beyond any reason", { p: 17 }],
  ])("refuses a slot that asks for %s, before any work", async (_what, cost) => {
    const slot = home.slots.find((one) => one.kind === "secret") as Slot;
    const hostile = { ...slot, kdf: { ...slot.kdf, ...cost } };
    expect(await reasonOf(OpenVault.unlockWithSecret(published([slot, hostile]), SECRET))).toBe("kdf_refused");
  });

  it("refuses slots whose salt, member or kind was changed", async () => {
    const slot = home.slots.find((one) => one.kind === "secret") as Slot;
    const salted = { ...slot, kdf: { ...slot.kdf, salt: b64u(random(16)) } };
    expect(await reasonOf(OpenVault.unlockWithSecret(published([salted]), SECRET))).toBe("wrong_secret");
    expect(await reasonOf(OpenVault.unlockWithSecret(published([{ ...slot, member: "0".repeat(32) }]), SECRET))).toBe("wrong_secret");
    expect(() => parseSlot({ ...slot, kind: "recovery" })).toThrow();
    expect(() => parseSlot({ ...slot, extra: 1 })).toThrow();
  });
});

describe("V5: the secret stays here", () => {
  it("no slot, roster entry or pin holds the secret or a private key", async () => {
    const shown = JSON.stringify([home.slots, home.vault.pin]) + new TextDecoder().decode(home.genesis.entry.payload);
    expect(shown).not.toContain(SECRET);
    expect(JSON.stringify(home.vault)).not.toMatch(/seed|private/i);
  });

  it("a locked vault opens, signs and seals nothing", async () => {
    const vault = await OpenVault.unlockWithSecret(published(), SECRET);
    let told = 0;
    vault.onLock(() => (told += 1));
    vault.lock();
    vault.lock();
    expect(told).toBe(1);
    const { objectId, bytes } = await sealedPicture(home.vault, home.edge, random(10));
    expect(await reasonOf(vault.openObject(memorySource(bytes), expected(objectId)))).toBe("locked");
    expect(await reasonOf(vault.signChallenge("0".repeat(32), random(32), "t"))).toBe("locked");
    expect(await reasonOf(vault.changeSecret("0".repeat(32), "another secret"))).toBe("locked");
  });
});

describe("V6: what changes re-encrypts nothing", () => {
  it("a changed secret opens what was sealed before, the old one opens nothing", async () => {
    const old = home.slots.find((one) => one.kind === "secret") as Slot;
    const slot = await home.vault.changeSecret(old.id, "eleven loud herons");
    expect(slot.id).toBe(old.id);
    expect(await reasonOf(OpenVault.unlockWithSecret(published([slot]), SECRET))).toBe("wrong_secret");
    const vault = await OpenVault.unlockWithSecret(published([slot]), "eleven loud herons");
    const { objectId, bytes } = await sealedPicture(home.vault, home.edge, noise(70_000));
    expect((await vault.openObject(memorySource(bytes), expected(objectId))).state).toBe("complete");
  });
});

describe("V8: nobody joins unseen", () => {
  it("words differ for another household, another edge and another key", async () => {
    const other = await makeHousehold();
    const mine = await home.vault.wordsFor(home.edge);
    expect(mine).toHaveLength(10);
    expect(mine.every((word) => word.length > 0)).toBe(true);
    expect(await other.vault.wordsFor(home.edge)).not.toEqual(mine);
    expect(await home.vault.wordsFor({ ...home.edge, receivePublic: other.edge.receivePublic })).not.toEqual(mine);
  });

  it("tells a confirmed edge from an unknown one and from one whose keys were swapped", async () => {
    const stranger = await makeParty("Attic");
    expect(home.vault.trustOf(home.edge)).toBe("confirmed");
    expect(home.vault.trustOf(stranger)).toBe("unconfirmed");
    expect(home.vault.trustOf({ ...stranger, id: home.edge.id })).toBe("changed");
  });

  it("keeps its chain when shown a shorter or another one", async () => {
    const { entries } = home.vault.roster;
    expect(await reasonOf(home.vault.acceptRoster(entries.slice(0, 1)))).toBe("stale");
    const another = (await makeHousehold()).vault.roster.entries;
    expect(await reasonOf(home.vault.acceptRoster(another))).toBe("fork");
    expect(await reasonOf(OpenVault.unlockWithSecret({ ...published(), entries: entries.slice(0, 1), pin: home.vault.pin }, SECRET))).toBe("stale");
    expect(await reasonOf(OpenVault.unlockWithSecret({ slots: home.slots, entries: another, pin: home.vault.pin }, SECRET))).toBe("fork");
    expect(home.vault.roster.entries).toBe(entries);
  });

  it("refuses an entry that no member signed", async () => {
    const stranger = await makeHousehold();
    const forged = await stranger.vault.confirmEdge(await makeParty("Trojan"));
    expect(await reasonOf(home.vault.acceptRoster([...home.vault.roster.entries, forged.entry]))).toBe("roster_order");
    const last = home.vault.roster.entries[1];
    if (last === undefined) throw new Error("the household has an edge");
    const bent = { ...last, signature: last.signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) };
    expect(await reasonOf(verifyRoster([home.genesis.entry, bent]))).toBe("bad_signature");
  });

  it("a revoked edge is believed no more, and does not come back", async () => {
    const { vault, edge } = await makeHousehold();
    const { objectId, bytes } = await sealedPicture(vault, edge, random(100));
    await vault.adopt(await vault.revokeEdge(edge.id));
    expect(vault.trustOf(edge)).toBe("revoked");
    expect(await reasonOf(vault.openObject(memorySource(bytes), { objectId, edge: edge.id }))).toBe("revoked");
    expect(await reasonOf(vault.confirmEdge(edge))).toBe("roster_action");
  });

  it("a new member opens the past; after removal a new epoch shuts the future", async () => {
    const { vault, edge } = await makeHousehold();
    const guest = await makeParty("Guest");
    await vault.adopt(await vault.addMember(guest));
    await vault.adopt(await vault.removeMember(guest.id));
    expect(vault.roster.epochs).toHaveLength(2);
    expect(vault.roster.epochs[0]?.wraps.has(guest.id)).toBe(true);
    expect(vault.roster.epochs[1]?.wraps.has(guest.id)).toBe(false);
    const { objectId, bytes } = await sealedPicture(vault, edge, random(100));
    expect((await vault.openObject(memorySource(bytes), { objectId, edge: edge.id })).state).toBe("complete");
    expect(await reasonOf(vault.removeMember(vault.memberId))).toBe("roster_action");
  });
});

describe("V2, V3: objects", () => {
  const fragment = (size: number, i: number): { bytes: Bytes; start: number; duration: number; key: boolean } => ({
    bytes: noise(size),
    start: i * 12_800,
    duration: 12_800,
    key: true,
  });

  it("gives back a picture of several parts byte for byte", async () => {
    const picture = noise(150_000);
    const { objectId, bytes } = await sealedPicture(home.vault, home.edge, picture);
    const object = await home.vault.openObject(memorySource(bytes), { ...expected(objectId), camera: "front", kind: "snapshot" });
    expect(unpackData(await object.readParts(0, object.parts.length))).toEqual(picture);
  });

  it("reads few bytes to open a long clip", async () => {
    const { objectId, bytes } = await sealedClip(home.vault, home.edge, random(900), Array.from({ length: 12 }, (_, i) => fragment(90_000, i)));
    let read = 0;
    const whole = memorySource(bytes);
    const object = await home.vault.openObject(
      {
        read: async (offset, length) => {
          const piece = await whole.read(offset, length);
          read += piece.bytes.length;
          return piece;
        },
      },
      expected(objectId),
    );
    expect(object.parts).toHaveLength(13);
    expect(read).toBeLessThan(10_000);
  });

  it("opens a cut clip up to its last whole part and calls it truncated", async () => {
    const { objectId, bytes } = await sealedClip(home.vault, home.edge, random(900), [0, 1, 2].map((i) => fragment(9000, i)));
    const whole = await home.vault.openObject(memorySource(bytes), expected(objectId));
    const second = whole.parts[2];
    if (second === undefined) throw new Error("the clip has four parts");
    const cut = await home.vault.openObject(memorySource(bytes.slice(0, second.offset + second.size + 100)), expected(objectId));
    expect([cut.state, cut.parts.length]).toEqual(["truncated", 3]);
    const noFooter = await home.vault.openObject(memorySource(bytes.slice(0, -5)), expected(objectId));
    expect([noFooter.state, noFooter.parts.length]).toEqual(["truncated", 4]);
  });

  it("refuses a changed byte wherever it stands, and an object served in place of another", async () => {
    const { objectId, bytes } = await sealedClip(home.vault, home.edge, random(900), [fragment(9000, 0), fragment(9000, 1)]);
    const readAll = async (changed: Bytes): Promise<unknown> => {
      const object = await home.vault.openObject(memorySource(changed), expected(objectId));
      if (object.state !== "complete") throw new Error("not complete");
      return object.readParts(0, object.parts.length);
    };
    await readAll(bytes);
    for (const at of [0, 9, 11, 14, 20, 34, 40, 1160, 1300, 1490, 1560, 1600, 9000, 14_000, bytes.length - 4000, bytes.length - 14, bytes.length - 9]) {
      const bent = bytes.slice();
      bent[at] = (bent[at] ?? 0) ^ 1;
      expect(await reasonOf(readAll(bent)), `byte ${at}`).not.toBe("no refusal");
    }
    const other = await sealedPicture(home.vault, home.edge, random(10));
    expect(await reasonOf(home.vault.openObject(memorySource(other.bytes), expected(objectId)))).toBe("wrong_object");
    const asClip = { ...expected(other.objectId), kind: "clip" as const };
    expect(await reasonOf(home.vault.openObject(memorySource(other.bytes), asClip))).toBe("wrong_object");
  });

  it("refuses objects of a foreign vault and of an edge nobody confirmed", async () => {
    const foreign = await makeHousehold();
    const theirs = await sealedPicture(foreign.vault, foreign.edge, random(10));
    expect(await reasonOf(home.vault.openObject(memorySource(theirs.bytes), { objectId: theirs.objectId, edge: foreign.edge.id }))).toBe("stranger");
    expect(await reasonOf(home.vault.openObject(memorySource(theirs.bytes), expected(theirs.objectId)))).toBe("wrong_key");
    const unsigned = await sealedPicture(home.vault, { ...foreign.edge, id: home.edge.id }, random(10));
    expect(await reasonOf(home.vault.openObject(memorySource(unsigned.bytes), expected(unsigned.objectId)))).toBe("bad_signature");
  });

  it("never asks for an epoch's key before the edge is known", async () => {
    const { objectId, bytes } = await sealedPicture(home.vault, home.edge, random(10));
    let asked = 0;
    const keys = (): Promise<Bytes> => {
      asked += 1;
      return Promise.resolve(random(32));
    };
    expect(await reasonOf(openObject(memorySource(bytes), home.vault.roster, keys, { objectId, edge: "f".repeat(32) }))).toBe("stranger");
    expect(asked).toBe(0);
  });
});
