// The camera's name, to be changed in place.
import { useState, type FormEvent } from "react";
import type { Camera } from "@/api/types";
import { Button } from "@/ui/Button";
import { sentence } from "@/ui/Feedback";
import { TextField } from "@/ui/Field";
import { useRename } from "./useRename";

export function RenameForm({ camera, done }: { camera: Camera; done: () => void }) {
  const [name, setName] = useState(camera.name);
  const rename = useRename(camera);
  const clean = name.trim();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (clean && clean !== camera.name) rename.mutate(clean, { onSuccess: done });
    else done();
  };
  return (
    <form onSubmit={submit} className="grid gap-3 rounded-md bg-sunken p-3.5">
      <TextField
        label="Name of this camera"
        data-testid="camera-name"
        maxLength={64}
        value={name}
        disabled={rename.isPending}
        hint="You sign the change; only your edge carries it out."
        error={rename.error ? sentence(rename.error) : null}
        onChange={(event) => setName(event.target.value)}
      />
      <div className="flex gap-2">
        <Button type="submit" look="primary" busy={rename.isPending} disabled={!clean} data-testid="camera-name-save">
          Save
        </Button>
        <Button onClick={done} disabled={rename.isPending}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
