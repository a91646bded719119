// The sealed clip on screen: video, controls, the path of detections under it, and what is known of the clip.
import { useCallback, useEffect, useRef, useState } from "react";
import type { GuardianEvent } from "@/api/types";
import type { Clip, MediaRef } from "@/player";
import type { SignedEventBody } from "@/vault";
import { Button, Spinner } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { ClipInfoLine } from "./ClipInfoLine";
import { ClipTimeline } from "./ClipTimeline";
import { opensAt, type Resume } from "./opening";
import { PlayerControls } from "./PlayerControls";
import { Poster } from "./Poster";
import { useClip } from "./useClip";
import { useSave } from "./useSave";
import { useVideo } from "./useVideo";

interface Props {
  event: GuardianEvent;
  media: MediaRef;
  signed: SignedEventBody | undefined;
}

export function ClipPlayer({ event, media, signed }: Props) {
  const { load, again, fail } = useClip(media);
  return (
    <section aria-label="Clip" className="overflow-hidden rounded-lg border border-line bg-surface shadow-card">
      {load.state === "ready" ? (
        <Playing clip={load.clip} event={event} clipId={media.id} signed={signed} fail={fail} ended={Boolean(media.end)} again={again} />
      ) : (
        <div className="grid aspect-video content-center justify-items-center gap-3 bg-sunken p-6 text-center text-soft">
          {load.state === "opening" ? (
            <p role="status" className="flex items-center gap-3">
              <Spinner size={24} /> Opening the seal…
            </p>
          ) : (
            <div role="alert" data-testid="clip-error" className="grid justify-items-center gap-3">
              <Icon name="warning" size={28} className="text-danger" />
              <p className="max-w-md">{sentence(load.error)}</p>
              <Button icon="refresh" onClick={again}>
                Try again
              </Button>
            </div>
          )}
        </div>
      )}
    </section>
  );
}

interface PlayingProps {
  clip: Clip;
  clipId: string;
  event: GuardianEvent;
  signed: SignedEventBody | undefined;
  fail: (error: unknown) => void;
  /** The inventory says that the recording is over. */
  ended: boolean;
  /** Opens the clip anew, for what was sealed since. */
  again: () => void;
}

const REOPEN_MS = 1500;

function Playing({ clip, clipId, event, signed, fail, ended, again }: PlayingProps) {
  const stage = useRef<HTMLDivElement>(null);
  const element = useRef<HTMLVideoElement>(null);
  const video = useVideo(element);
  const saving = useSave(clip, event.camera_id);
  const failed = useRef(fail);
  const resume = useRef<Resume | null>(null);
  const [touched, setTouched] = useState(false);

  useEffect(() => {
    failed.current = fail;
  }, [fail]);
  useEffect(() => {
    const node = element.current;
    if (!node) return;
    const silence = clip.onError((_, error) => failed.current(error));
    const begin = (): void => {
      const from = resume.current;
      resume.current = null;
      node.currentTime = from ? Math.min(from.time, clip.info.durationSeconds) : opensAt(event.start, clip.info.start, clip.info.durationSeconds);
      // Refused when the element was emptied meanwhile: it then simply stays paused.
      if (from?.play) void node.play().catch((): void => undefined);
    };
    node.addEventListener("loadedmetadata", begin, { once: true });
    const detach = clip.attach(node);
    return () => {
      node.removeEventListener("loadedmetadata", begin);
      silence();
      detach();
    };
    // An event's start never changes once it is told.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [clip]);

  const grow = useCallback((): void => {
    const node = element.current;
    if (node) resume.current = { time: node.currentTime, play: !node.paused || node.ended };
    again();
  }, [again]);

  // Whoever has watched a clip to its end while it is still recorded sees it go on, as long as it does.
  const grown = useRef(0);
  const atEnd = video.ended && clip.info.state === "recording";
  useEffect(() => {
    if (!atEnd || clip.info.durationSeconds <= grown.current) return;
    const timer = setTimeout(() => {
      grown.current = clip.info.durationSeconds;
      grow();
    }, REOPEN_MS);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [atEnd, clip]);

  const fullscreen = useCallback((): void => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void stage.current?.requestFullscreen();
  }, []);

  const length = video.duration > 0 ? video.duration : clip.info.durationSeconds;
  const play = (): void => {
    setTouched(true);
    video.toggle();
  };
  const seek = (seconds: number): void => {
    setTouched(true);
    video.seek(seconds);
  };
  return (
    <>
      <div ref={stage} className="group/stage flex flex-col bg-black">
        <div className="relative grid min-h-0 flex-1 place-items-center">
          {/* Security cameras rarely carry sound and never captions. */}
          {/* eslint-disable-next-line jsx-a11y/media-has-caption */}
          <video
            ref={element}
            data-testid="event-video"
            data-state={clip.info.state}
            playsInline
            preload="metadata"
            className="block max-h-full w-full bg-black"
            style={{ aspectRatio: `${clip.info.width || 16} / ${clip.info.height || 9}` }}
            aria-label={`Clip of ${event.camera_name || event.camera_id}`}
            onClick={play}
          />
          {!touched && video.paused && <Poster event={event} signed={signed} />}
          {video.paused && (
            <button type="button" aria-label="Play the clip" onClick={play} className="absolute grid size-20 place-items-center rounded-full bg-black/60 text-white ring-1 ring-white/40 backdrop-blur-sm transition-transform hover:scale-105">
              <Icon name="play" size={36} />
            </button>
          )}
          {video.waiting && !video.paused && (
            <span className="absolute text-white">
              <Spinner size={40} />
            </span>
          )}
        </div>
        <PlayerControls video={{ ...video, toggle: play, seek }} length={length} onFullscreen={fullscreen} onSave={saving.save} saved={saving.share} />
      </div>
      <ClipTimeline event={event} signed={signed} clipId={clipId} clipStart={clip.info.start} length={length} current={video.time} onSeek={seek} />
      <div className="grid gap-3 p-4 sm:p-5">
        {saving.error ? (
          <Banner tone="danger" icon="warning">
            The clip was not saved. {sentence(saving.error)}
          </Banner>
        ) : null}
        <ClipInfoLine info={clip.info} length={length} ended={ended} grow={grow} />
      </div>
    </>
  );
}
