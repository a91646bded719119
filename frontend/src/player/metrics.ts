// Counts of what was fetched, for measurement. Numbers only: nothing here says what was shown.

export interface Metrics {
  /** Sealed bytes and requests since the page was loaded. */
  bytesFetched: number;
  requests: number;
  /** Of the clip attached last: sealed bytes fetched for it until its first picture stood on the screen. */
  bytesBeforeFirstFrame: number | null;
  millisecondsToFirstFrame: number | null;
}

declare global {
  interface Window {
    __guardianMetrics?: Metrics;
  }
}

export const metrics: Metrics = {
  bytesFetched: 0,
  requests: 0,
  bytesBeforeFirstFrame: null,
  millisecondsToFirstFrame: null,
};

if (typeof window !== "undefined") window.__guardianMetrics = metrics;
