// Adding a Mini PC by an image made for the household: the form while one is added, then what was prepared.
import { useState } from "react";
import type { Edge, GenericImage, SeededImage } from "@/api/types";
import { useImages, useNodes } from "@/app/queries";
import { Button } from "@/ui/Button";
import { EmptyState, ErrorState, Skeleton } from "@/ui/Feedback";
import { ImageForm } from "./ImageForm";
import { PreparedImage } from "./PreparedImage";

interface Props {
  edges: Edge[];
  adding: boolean;
  onDone: () => void;
}

export function MiniPcs({ edges, adding, onDone }: Props) {
  const images = useImages();
  const nodes = useNodes().data ?? [];
  const [fresh, setFresh] = useState("");
  if (images.isPending) return adding ? <Skeleton className="h-56" /> : null;
  if (!images.data) return adding ? <ErrorState error={images.error} retry={() => void images.refetch()} /> : null;
  const { seeded } = images.data;
  const offered = newestFirst(images.data.images);
  const made = (image: SeededImage): void => {
    setFresh(image.id);
    onDone();
  };
  return (
    <>
      {adding && offered.length > 0 && <ImageForm offered={offered} nodes={nodes} onMade={made} onCancel={edges.length + seeded.length > 0 ? onDone : undefined} />}
      {adding && offered.length === 0 && <NothingOffered first={edges.length + seeded.length === 0} close={onDone} />}
      {seeded.map((image) => (
        <PreparedImage key={image.id} image={image} edge={arrivedFrom(image, edges)} fresh={image.id === fresh} />
      ))}
    </>
  );
}

function NothingOffered({ first, close }: { first: boolean; close: () => void }) {
  return (
    <EmptyState icon="device" title={first ? "Waiting for your edge" : "No image is offered here"} testId="no-image" action={!first && <Button onClick={close}>Close</Button>}>
      <p>
        {first ? "No image is offered here. " : ""}Whoever runs the service gives you a one-time token instead: enrol the edge with it, and it appears here by itself within a minute.
      </p>
      <p className="mt-3 rounded-md bg-sunken px-3 py-2 font-mono text-sm text-ink">guardian edge enroll</p>
    </EmptyState>
  );
}

/** By their versions, of which 0.10 comes after 0.9. */
export function newestFirst(images: GenericImage[]): GenericImage[] {
  return [...images].sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }) || a.name.localeCompare(b.name));
}

/** The edge that was enrolled under this image's name since it was made. */
export function arrivedFrom(image: SeededImage, edges: Edge[]): Edge | undefined {
  return edges.find((edge) => edge.name === image.name && edge.enrolled_at !== null && Date.parse(edge.enrolled_at) >= Date.parse(image.created_at));
}
