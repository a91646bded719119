// Small MP4 pieces for the player's tests: the boxes it reads, nothing that a decoder would take.
import { concat, u32, u64, utf8, type Bytes } from "../vault/bytes";

export function box(type: string, ...content: Uint8Array[]): Bytes {
  const body = concat(...content);
  return concat(u32(8 + body.length), utf8(type), body);
}

function trak(id: number, handler: string, timescale: number): Bytes {
  const tkhd = box("tkhd", u32(0), u32(0), u32(0), u32(id), new Uint8Array(68));
  const mdhd = box("mdhd", u32(0), u32(0), u32(0), u32(timescale), u32(0), u32(0));
  const hdlr = box("hdlr", u32(0), u32(0), utf8(handler), new Uint8Array(13));
  return box("trak", tkhd, box("mdia", mdhd, hdlr));
}

/** A sound track 3 and a picture track 7 of 15,360 ticks a second. */
export function initSegment(): Bytes {
  const trex = (id: number, duration: number): Bytes => box("trex", u32(0), u32(id), u32(1), u32(duration), u32(0), u32(0));
  const mvex = box("mvex", trex(3, 960), trex(7, 1024));
  return concat(box("ftyp", utf8("iso6")), box("moov", trak(3, "soun", 48_000), trak(7, "vide", 15_360), mvex));
}

interface Shape {
  readonly start: number;
  readonly durations?: readonly number[];
  readonly count?: number;
  readonly each?: number;
  /** Of the first picture. */
  readonly flags?: number;
  readonly media?: Bytes;
}

export function fragment({ start, durations, count = 0, each, flags = 0x2000000, media = new Uint8Array(10) }: Shape): Bytes {
  const tfhd = each === undefined ? box("tfhd", u32(0x20000), u32(7)) : box("tfhd", u32(0x20008), u32(7), u32(each));
  const tfdt = box("tfdt", u32(0x1000000), u64(start));
  const trun =
    durations === undefined
      ? box("trun", u32(0x5), u32(count), u32(0), u32(flags))
      : box("trun", u32(0x301), u32(durations.length), u32(0), ...durations.map((ticks) => concat(u32(ticks), u32(99))));
  return concat(box("moof", box("mfhd", u32(0), u32(1)), box("traf", tfhd, tfdt, trun)), box("mdat", media));
}
