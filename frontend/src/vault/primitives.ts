// The suite of docs/vault-format.md, from WebCrypto and hpke-js as they come; no primitive is written here.
import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { concat, unb64u, type Bytes } from "./bytes";
import { VaultError } from "./errors";

export const TAG = 16;
export const ENC = 1120;
export const RECEIVE_PUBLIC = 1216;
export const SIGNATURE = 64;
export const SEED = 32;

// RFC 8410: an Ed25519 seed becomes a PKCS#8 key by this prefix. WebCrypto takes no bare seed.
const ED25519_PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

export async function sha256(...pieces: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...pieces)));
}

export async function hkdf(ikm: Bytes, salt: Bytes, info: Bytes, length = 32): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, 8 * length));
}

export async function aeadKey(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** A nonce that is a number: 12 bytes, big-endian. */
export function nonce(counter: number): Bytes {
  const out = new Uint8Array(12);
  new DataView(out.buffer).setBigUint64(4, BigInt(counter));
  return out;
}

export async function seal(key: CryptoKey, iv: Bytes, plain: Bytes, aad: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: aad }, key, plain));
}

export async function open(key: CryptoKey, iv: Bytes, ct: Bytes, aad: Bytes, refusal: VaultError): Promise<Bytes> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: aad }, key, ct));
  } catch {
    throw refusal;
  }
}

async function macKey(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

export async function hmac(raw: Bytes, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await macKey(raw), message));
}

export async function hmacHolds(raw: Bytes, tag: Bytes, message: Bytes): Promise<boolean> {
  return crypto.subtle.verify("HMAC", await macKey(raw), tag, message);
}

export async function signingKey(seed: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", concat(ED25519_PKCS8, seed), "Ed25519", false, ["sign"]);
}

export async function signPublic(seed: Bytes): Promise<Bytes> {
  const key = await crypto.subtle.importKey("pkcs8", concat(ED25519_PKCS8, seed), "Ed25519", true, ["sign"]);
  const jwk = await crypto.subtle.exportKey("jwk", key);
  return unb64u(jwk.x ?? "", 32);
}

export async function sign(key: CryptoKey, ...message: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key, concat(...message)));
}

export async function signatureHolds(publicKey: Bytes, signature: Bytes, ...message: Uint8Array[]): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== SIGNATURE) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, concat(...message));
  } catch (error) {
    // A public key that is no point of the curve fails at import in some browsers and at verify in others: no signature holds.
    if (error instanceof DOMException && error.name !== "NotSupportedError") return false;
    throw new VaultError("unsupported", "This browser cannot check Ed25519 signatures. Use a current Chrome, Edge, Firefox or Safari.");
  }
}

const kem = new XWing();
const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() });

export async function receivePublic(seed: Bytes): Promise<Bytes> {
  await kem.deserializePrivateKey(seed); // loads the KEM's own WebCrypto, which generateKeyPairDerand takes for granted
  const pair = await kem.generateKeyPairDerand(new Uint8Array(seed));
  return new Uint8Array(await kem.serializePublicKey(pair.publicKey));
}

export interface Sealed {
  readonly enc: Bytes;
  readonly ct: Bytes;
}

export async function hpkeSeal(publicKey: Bytes, info: Bytes, plain: Bytes): Promise<Sealed> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(publicKey);
  const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plain);
  return { enc: new Uint8Array(enc), ct: new Uint8Array(ct) };
}

export async function hpkeOpen(seed: Bytes, sealed: Sealed, info: Bytes, refusal: VaultError): Promise<Bytes> {
  const recipientKey = await suite.kem.deserializePrivateKey(seed);
  try {
    return new Uint8Array(await suite.open({ recipientKey, enc: sealed.enc, info }, sealed.ct));
  } catch {
    throw refusal;
  }
}
