// A video element's state as React state, and what one may do with it.
import { useEffect, useState, type RefObject } from "react";

export interface Video {
  paused: boolean;
  waiting: boolean;
  ended: boolean;
  time: number;
  duration: number;
  volume: number;
  muted: boolean;
  rate: number;
  toggle: () => void;
  seek: (seconds: number) => void;
  setVolume: (volume: number) => void;
  setMuted: (muted: boolean) => void;
  setRate: (rate: number) => void;
}

type Snapshot = Pick<Video, "paused" | "waiting" | "ended" | "time" | "duration" | "volume" | "muted" | "rate">;

const still: Snapshot = { paused: true, waiting: false, ended: false, time: 0, duration: 0, volume: 1, muted: false, rate: 1 };
const heard = ["play", "pause", "playing", "waiting", "timeupdate", "seeking", "seeked", "durationchange", "volumechange", "ratechange", "ended", "emptied"];

export function useVideo(ref: RefObject<HTMLVideoElement | null>): Video {
  const [state, setState] = useState(still);

  useEffect(() => {
    const video = ref.current;
    if (!video) return;
    let waiting = false;
    const read = (event: Event): void => {
      if (event.type === "waiting" || event.type === "seeking") waiting = true;
      if (["playing", "seeked", "pause", "ended", "timeupdate"].includes(event.type)) waiting = false;
      setState({
        paused: video.paused,
        waiting,
        ended: video.ended,
        time: video.currentTime,
        duration: Number.isFinite(video.duration) ? video.duration : 0,
        volume: video.volume,
        muted: video.muted,
        rate: video.playbackRate,
      });
    };
    for (const name of heard) video.addEventListener(name, read);
    return () => {
      for (const name of heard) video.removeEventListener(name, read);
    };
  }, [ref]);

  const on = (act: (video: HTMLVideoElement) => void): void => {
    if (ref.current) act(ref.current);
  };
  return {
    ...state,
    toggle: () =>
      on((video) => {
        if (!video.paused) return video.pause();
        // Refused when the element was emptied meanwhile: the state then stays paused, which is what is shown.
        void video.play().catch((): void => undefined);
      }),
    seek: (seconds) => on((video) => (video.currentTime = Math.max(0, seconds))),
    setVolume: (volume) =>
      on((video) => {
        video.volume = volume;
        video.muted = volume === 0;
      }),
    setMuted: (muted) => on((video) => (video.muted = muted)),
    setRate: (rate) => on((video) => (video.playbackRate = rate)),
  };
}
