// The sealed clip on screen: video, controls, the path of detections under it, and what is known of the clip.
import { useCallback, useEffect, useRef } from "react";
import type { GuardianEvent } from "@/api/types";
import type { Clip, MediaRef } from "@/player";
import type { SignedEventBody } from "@/vault";
import { Button, Spinner } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";
import { Icon } from "@/ui/icons";
import { ClipInfoLine } from "./ClipInfoLine";
import { DetectionPath } from "./DetectionPath";
import { PlayerControls } from "./PlayerControls";
import { useClip } from "./useClip";
import { useSave } from "./useSave";
import { useVideo } from "./useVideo";

interface Props {
  event: GuardianEvent;
  media: MediaRef;
  signed: SignedEventBody | undefined;
}

export function ClipPlayer({ event, media, signed }: Props) {
  const { load, retry, fail } = useClip(media, true);
  return (
    <section aria-label="Clip" className="overflow-hidden rounded-lg border border-line bg-surface shadow-card">
      {load.state === "ready" ? (
        <Playing clip={load.clip} event={event} signed={signed} fail={fail} whole={media.end ? retry : null} />
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
              <Button icon="refresh" onClick={retry}>
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
  event: GuardianEvent;
  signed: SignedEventBody | undefined;
  fail: (error: unknown) => void;
  /** Loads the clip anew, once its recording has ended. */
  whole: (() => void) | null;
}

function Playing({ clip, event, signed, fail, whole }: PlayingProps) {
  const stage = useRef<HTMLDivElement>(null);
  const element = useRef<HTMLVideoElement>(null);
  const video = useVideo(element);
  const saving = useSave(clip, event.camera_id);
  const failed = useRef(fail);

  useEffect(() => {
    failed.current = fail;
  }, [fail]);
  useEffect(() => {
    if (!element.current) return;
    const silence = clip.onError((_, error) => failed.current(error));
    const detach = clip.attach(element.current);
    return () => {
      silence();
      detach();
    };
  }, [clip]);

  const fullscreen = useCallback((): void => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void stage.current?.requestFullscreen();
  }, []);

  const length = video.duration > 0 ? video.duration : clip.info.durationSeconds;
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
            onClick={video.toggle}
          />
          {video.paused && (
            <button type="button" aria-label="Play the clip" onClick={video.toggle} className="absolute grid size-20 place-items-center rounded-full bg-black/60 text-white ring-1 ring-white/40 backdrop-blur-sm transition-transform hover:scale-105">
              <Icon name="play" size={36} />
            </button>
          )}
          {video.waiting && !video.paused && (
            <span className="absolute text-white">
              <Spinner size={40} />
            </span>
          )}
        </div>
        <PlayerControls video={video} length={length} onFullscreen={fullscreen} onSave={saving.save} saved={saving.share} />
      </div>
      {signed && <DetectionPath signed={signed} clipStart={clip.info.start} length={length} current={video.time} onSeek={video.seek} />}
      <div className="grid gap-3 p-4 sm:p-5">
        {saving.error ? (
          <Banner tone="danger" icon="warning">
            The clip was not saved. {sentence(saving.error)}
          </Banner>
        ) : null}
        <ClipInfoLine info={clip.info} length={length} whole={whole} />
      </div>
    </>
  );
}
