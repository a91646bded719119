// A rough estimate of how hard a secret is to guess. It advises; the vault's own minimum refuses.

export interface Strength {
  /** 0 refused, 1 weak, 2 fair, 3 strong. */
  level: 0 | 1 | 2 | 3;
  word: string;
  advice: string;
}

const COMMON = /^(?:password|passw0rd|letmein|welcome|qwerty|qwertz|abc|iloveyou|admin|guardian|secret|changeme)[\d!@#$%.]*$/i;
const RUN = /(?:0123|1234|2345|3456|4567|5678|6789|abcd|bcde|qwer|asdf|yxcv|zxcv)/gi;

function alphabet(secret: string): number {
  let size = 0;
  if (/[a-z]/.test(secret)) size += 26;
  if (/[A-Z]/.test(secret)) size += 26;
  if (/\d/.test(secret)) size += 10;
  if (/[^A-Za-z\d]/.test(secret)) size += 20;
  return Math.max(size, 2);
}

/** Bits, pessimistic: words count as from a list of 2,000, repeats and runs count little. */
export function guessBits(secret: string): number {
  const shortened = secret.replace(/(.)\1+/gu, "$1").replace(RUN, "x");
  const byLetters = [...shortened].length * Math.log2(alphabet(secret)) * 0.75;
  const words = secret.toLowerCase().split(/[\s\-_.,]+/).filter((word) => /^\p{L}{3,}$/u.test(word));
  if (words.length < 3) return byLetters;
  return Math.min(byLetters, new Set(words).size * 11 + (secret.length - words.join("").length - words.length + 1) * 3);
}

export function strengthOf(secret: string): Strength {
  const length = [...secret.normalize("NFKC")].length;
  if (length < 8) return { level: 0, word: "Too short", advice: "At least 8 characters; four or five unrelated words are easier to keep in mind." };
  if (COMMON.test(secret)) return { level: 0, word: "Well known", advice: "This is among the first that anyone would try." };
  const bits = guessBits(secret);
  if (bits < 40) return { level: 1, word: "Weak", advice: "Someone with your key slot and time could guess this. Add a word or two." };
  if (bits < 55) return { level: 2, word: "Fair", advice: "Good enough for most. One more unrelated word makes it strong." };
  return { level: 3, word: "Strong", advice: "Hard to guess, even with a lot of computers." };
}
