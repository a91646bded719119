// One line that says whether anything is watching.
import type { Camera } from "@/api/types";
import { isWatching } from "@/features/cameras/states";

export function WatchingNow({ cameras }: { cameras: Camera[] | undefined }) {
  if (!cameras) return <>&nbsp;</>;
  if (cameras.length === 0) return <>No camera is reporting yet.</>;
  const watching = cameras.filter(isWatching).length;
  if (watching === cameras.length) return <>{watching === 1 ? "Your camera is watching." : `All ${watching} cameras are watching.`}</>;
  if (watching === 0) return <>{cameras.length === 1 ? "Your camera is not watching right now." : "No camera is watching right now."}</>;
  return (
    <>
      {watching} of {cameras.length} cameras {watching === 1 ? "is" : "are"} watching.
    </>
  );
}
