// Every camera, how it does, and in a sentence what to do when it does not.
import { useCameras, useEdges } from "@/app/queries";
import { EmptyState, ErrorState, PageHeader, Skeleton } from "@/ui/Feedback";
import { cameraKey } from "@/features/events/filters";
import type { Camera } from "@/api/types";
import { CameraCard } from "./CameraCard";
import { DetectorNote } from "./DetectorNote";

export default function CamerasPage() {
  const cameras = useCameras();
  const edges = useEdges().data ?? [];
  const list = [...(cameras.data ?? [])].sort((a, b) => a.edge_name.localeCompare(b.edge_name) || a.name.localeCompare(b.name));

  return (
    <>
      <PageHeader title="Cameras" lead="What each camera is doing now, as its edge reports it." />
      <div className="mb-6 grid gap-3 empty:hidden">
        {edges.map((edge) => (
          <DetectorNote key={edge.id} edge={edge} />
        ))}
      </div>
      {cameras.isPending ? (
        <div className="grid gap-5 lg:grid-cols-2" role="status">
          <span className="sr-only">Loading cameras</span>
          <Skeleton className="h-44" />
          <Skeleton className="h-44" />
        </div>
      ) : cameras.isError && list.length === 0 ? (
        <ErrorState error={cameras.error} retry={() => void cameras.refetch()} />
      ) : list.length === 0 ? (
        <EmptyState icon="camera" title="No camera yet">
          Cameras are named in your edge&rsquo;s configuration. Once the edge reports them, they appear here by themselves.
        </EmptyState>
      ) : (
        <ul className="grid gap-5 lg:grid-cols-2">
          {list.map((camera) => (
            <CameraCard key={`${camera.edge_id}/${camera.id}`} camera={camera} filter={cameraKey(at(camera), list.map(at))} />
          ))}
        </ul>
      )}
    </>
  );
}

const at = (camera: Camera): { edge: string; id: string } => ({ edge: camera.edge_id, id: camera.id });
