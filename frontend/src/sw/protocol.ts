// What worker and page say to each other: a request for bytes of one clip, and its answer.

export interface ReadRequest {
  readonly type: "guardian:read";
  readonly nonce: string;
  readonly start: number;
  /** Exclusive; null: as far as the page thinks right. */
  readonly end: number | null;
}

export type ReadAnswer =
  | { readonly ok: true; readonly start: number; readonly total: number; readonly bytes: ArrayBuffer }
  | { readonly ok: false; readonly status: number; readonly sentence: string };
