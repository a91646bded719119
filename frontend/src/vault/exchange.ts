// A household made here and everything it signs and seals, as JSON: Python opens it (tests/contract/test_vault_typescript.py).
import { b64u, newId, random, utf8, type Bytes } from "./bytes";
import { sign } from "./primitives";
import { entryToJson } from "./roster";
import { makeHousehold, makeParty, noise, SECRET, sealedClip, sealedPicture } from "./testing";

const CAMERA_PASSWORD = "pass wörd of a camera";

interface Named {
  readonly objectId: string;
  readonly bytes: Bytes;
}

function shown(object: Named, content: Bytes): Record<string, string> {
  return { id: object.objectId, sealed: b64u(object.bytes), content: b64u(content) };
}

export async function exchange(): Promise<Record<string, unknown>> {
  const { vault, edge, slots, recoveryCode } = await makeHousehold();
  const guest = await makeParty("Gäst");
  await vault.adopt(await vault.addMember(guest));
  const picture = noise(70_000);
  const early = await sealedPicture(vault, edge, picture);
  await vault.adopt(await vault.removeMember(guest.id));
  await vault.adopt(await vault.newEpoch());
  const attic = await makeParty("Attic");
  await vault.adopt(await vault.confirmEdge(attic));
  await vault.adopt(await vault.revokeEdge(attic.id));

  // Whole steps, so that what comes out is what went in, without padding.
  const [init, first, second] = [noise(4096), noise(8192), noise(4096)];
  const fragments = [first, second].map((bytes, i) => ({ bytes, start: i * 12_800, duration: 12_800, key: i === 0 }));
  const clip = await sealedClip(vault, edge, init, fragments);
  const command = await vault.signCommand(edge.id, async (id, to) => ({
    type: "set_camera",
    camera: "front",
    password: await vault.sealSecret(to, id, CAMERA_PASSWORD),
  }));
  const newSecret = "another secret, later";
  const [node, challenge, ticket] = [newId(), random(32), "header.payload.signature"];
  const event = utf8("an event, serialised");
  return {
    entries: vault.roster.entries.map(entryToJson),
    member: vault.memberId,
    edge: edge.id,
    revoked: attic.id,
    words: await vault.wordsFor(edge),
    secret: SECRET,
    recovery_code: recoveryCode,
    slots,
    changed: { secret: newSecret, slot: await vault.changeSecret(slots[0]?.id ?? "", newSecret) },
    picture: shown(early, picture),
    clip: { ...shown(clip, new Uint8Array([...init, ...first, ...second])), times: fragments.map(({ start, duration, key }) => [start, duration, key]) },
    command,
    camera_password: CAMERA_PASSWORD,
    edge_receive_seed: b64u(edge.receiveSeed),
    challenge: { node, challenge: b64u(challenge), ticket, signature: b64u(await vault.signChallenge(node, challenge, ticket)) },
    event: { event: b64u(event), signature: b64u(await sign(edge.signKey, utf8("guardian/event/v1\0"), event)) },
  };
}
