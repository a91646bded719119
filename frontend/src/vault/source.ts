// Where sealed bytes come from: a node's relay, a file, a test. Read by range only.
import type { Bytes } from "./bytes";

export interface Piece {
  readonly bytes: Bytes;
  /** The object's size as the source says it now; a clip still being recorded grows. */
  readonly total: number;
}

export interface ByteSource {
  /** Bytes [offset, offset + length), fewer at the end. `offset` below zero counts from the end. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Piece>;
}

export function memorySource(bytes: Bytes): ByteSource {
  return {
    read(offset, length) {
      const start = offset < 0 ? Math.max(0, bytes.length + offset) : offset;
      return Promise.resolve({ bytes: bytes.slice(start, start + length), total: bytes.length });
    },
  };
}
