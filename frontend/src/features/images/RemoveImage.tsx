// Takes a prepared image back here; whoever has a copy of it can use that until its token ends.
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { api } from "@/api";
import { ApiError } from "@/api/errors";
import type { Images, SeededImage } from "@/api/types";
import { keys, queryClient } from "@/app/queries";
import { announce } from "@/ui/announce";
import { Button } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";

export function RemoveImage({ image }: { image: SeededImage }) {
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: async () => {
      try {
        await api.removeImage(image.id);
      } catch (error) {
        // It ended by itself, or was removed elsewhere: that is what was wanted.
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
      }
    },
    onSuccess: () => {
      queryClient.setQueryData<Images>(keys.images, (known) => known && { ...known, seeded: known.seeded.filter((item) => item.id !== image.id) });
      announce(`The image for ${image.name} is removed`);
    },
  });
  if (!asking) {
    return (
      <Button look="plain" icon="close" onClick={() => setAsking(true)} data-testid="image-remove">
        Remove
      </Button>
    );
  }
  return (
    <div className="grid basis-full gap-3 rounded-md bg-sunken p-4">
      <p className="text-sm">Remove it here? A copy that was downloaded still works once, until it ends.</p>
      {remove.error ? (
        <Banner tone="danger" icon="warning">
          {sentence(remove.error)}
        </Banner>
      ) : null}
      <div className="flex flex-wrap gap-3">
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()} data-testid="image-remove-confirm">
          Remove it
        </Button>
        <Button onClick={() => setAsking(false)} disabled={remove.isPending}>
          Keep it
        </Button>
      </div>
    </div>
  );
}
