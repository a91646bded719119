// The recovery code: 128 random bits as 28 symbols that a person can copy from paper, with a check for slips.
import { concat, utf8, type Bytes } from "./bytes";
import { VaultError } from "./errors";
import { sha256 } from "./primitives";

const SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_SYMBOLS = 26;

async function check(code: Bytes): Promise<string> {
  const digest = await sha256(utf8("guardian/recovery-check/v1\0"), code);
  const top = (((digest[0] ?? 0) << 8) | (digest[1] ?? 0)) >> 6;
  return symbol(top >> 5) + symbol(top & 31);
}

function symbol(value: number): string {
  return SYMBOLS.charAt(value);
}

export async function formatRecoveryCode(code: Bytes): Promise<string> {
  let bits = 0n;
  for (const byte of code) bits = (bits << 8n) | BigInt(byte);
  bits <<= 2n;
  let out = "";
  for (let i = CODE_SYMBOLS - 1; i >= 0; i -= 1) out += symbol(Number((bits >> BigInt(5 * i)) & 31n));
  out += await check(code);
  return (out.match(/.{4}/g) ?? []).join("-");
}

export async function parseRecoveryCode(typed: string): Promise<Bytes> {
  // eslint-disable-next-line no-control-regex
  if (!/^[\u0000-\u007f]*$/.test(typed.replace(/\s/g, ""))) throw mistyped("It holds a symbol that no recovery code has.");
  const clean = typed.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  const values = Array.from(clean, (c) => SYMBOLS.indexOf(c));
  if (values.length !== CODE_SYMBOLS + 2) throw mistyped(`It has 28 letters and digits; ${values.length} were typed.`);
  if (values.includes(-1)) throw mistyped("It holds a symbol that no recovery code has.");
  let bits = values.slice(0, CODE_SYMBOLS).reduce((sum, value) => (sum << 5n) | BigInt(value), 0n);
  if ((bits & 3n) !== 0n) throw mistyped("One of its symbols is wrong.");
  bits >>= 2n;
  const code = Uint8Array.from({ length: 16 }, (_, i) => Number((bits >> BigInt(8 * (15 - i))) & 255n));
  if ((await check(code)) !== clean.slice(CODE_SYMBOLS)) throw mistyped("One of its symbols is wrong.");
  return concat(code);
}

function mistyped(why: string): VaultError {
  return new VaultError("recovery_code", `This is not a recovery code as it was printed. ${why}`);
}
