// Reads a whole clip from the service worker, which gives it by range only.

const TOTAL = /^bytes (\d+)-(\d+)\/(\d+)$/;

/** All bytes behind `address`, one range after another; `told` hears the share read so far. */
export async function readByRanges(address: string, told: (share: number) => void, signal: AbortSignal): Promise<Blob> {
  const pieces: Blob[] = [];
  let at = 0;
  for (;;) {
    const answer = await fetch(address, { headers: { Range: `bytes=${at}-` }, signal });
    const match = TOTAL.exec(answer.headers.get("Content-Range") ?? "");
    if (answer.status !== 206 || !match) throw new Unreadable(await answer.text());
    const [begin, end, total] = match.slice(1).map(Number) as [number, number, number];
    if (begin !== at || end < begin) throw new Unreadable("");
    pieces.push(await answer.blob());
    at = end + 1;
    told(at / total);
    if (at >= total) return new Blob(pieces, { type: "video/mp4" });
  }
}

class Unreadable extends Error {
  readonly sentence: string;

  constructor(sentence: string) {
    super(sentence);
    this.sentence = sentence && sentence.length < 300 ? sentence : "The clip could not be read to its end. Try again.";
  }
}
