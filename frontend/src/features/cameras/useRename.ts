// Renames a camera: a command signed by the member, carried by the service, obeyed by the edge alone.
import { useMutation } from "@tanstack/react-query";
import { api } from "@/api";
import { ApiError } from "@/api/errors";
import type { Camera } from "@/api/types";
import { keys, queryClient } from "@/app/queries";
import { useVault } from "@/app/vault";
import { announce } from "@/ui/announce";

const PATIENCE = 20;

export function useRename(camera: Camera) {
  return useMutation({
    mutationFn: async (name: string) => {
      const { vault } = useVault.getState();
      if (!vault) throw new ApiError(0, "locked", "The vault is locked. Open it and try again.");
      const command = await vault.signCommand(camera.edge_id, () => ({ type: "rename_camera", camera: camera.id, name }));
      let state = await api.command(command);
      for (let turn = 0; state.accepted === null && turn < PATIENCE; turn += 1) {
        await new Promise((resolve) => setTimeout(resolve, 500 + turn * 100));
        state = await api.commandState(command.id);
      }
      if (state.accepted === null) throw new ApiError(0, "waiting", "The edge has not answered yet. It takes the new name when it is back online, within a day.");
      if (!state.accepted) throw new ApiError(0, state.reason, state.sentence);
      return name;
    },
    onSuccess: async (name) => {
      announce(`Renamed to ${name}`);
      // Events carry their camera's name too.
      await Promise.all([keys.cameras, keys.events, ["event"]].map((queryKey) => queryClient.invalidateQueries({ queryKey })));
    },
  });
}
