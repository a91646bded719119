// A new secret or a new recovery code: slots are replaced, no recording is sealed again.
import { useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { api } from "@/api";
import { useVault, vaultCode } from "@/app/vault";
import { NewSecret } from "@/features/vault/NewSecret";
import { RecoveryCode } from "@/features/vault/RecoveryCode";
import { painted } from "@/features/vault/Working";
import { Button } from "@/ui/Button";
import { Banner, Panel, sentence } from "@/ui/Feedback";
import type { OpenVault, Slot, SlotKind } from "@/vault";

/** The member's own slot of a kind, whose id a new one takes over. */
async function ownSlot(vault: OpenVault, kind: SlotKind): Promise<Slot | undefined> {
  const [{ parseSlot }, slots] = await Promise.all([vaultCode(), api.slots()]);
  return slots.map(parseSlot).find((slot) => slot.kind === kind && slot.member === vault.memberId);
}

type Doing = "nothing" | "secret" | "recovery";

export function VaultPanel() {
  const vault = useVault((state) => state.vault);
  const [doing, setDoing] = useState<Doing>("nothing");
  const [done, setDone] = useState("");
  if (!vault) return null;
  const finish = (text: string): void => {
    setDoing("nothing");
    setDone(text);
  };
  return (
    <Panel title="Vault">
      {done && (
        <div className="mb-4">
          <Banner tone="ok" icon="ok">
            {done}
          </Banner>
        </div>
      )}
      {doing === "nothing" && (
        <div className="grid gap-4">
          <p className="text-soft">Both open the same vault. Replacing one seals nothing again: your recordings stay as they are.</p>
          <div className="flex flex-wrap gap-3">
            <Button icon="key" onClick={() => setDoing("secret")} data-testid="change-secret">
              Change the secret
            </Button>
            <Button icon="refresh" onClick={() => setDoing("recovery")} data-testid="new-recovery">
              New recovery code
            </Button>
          </div>
        </div>
      )}
      {doing === "secret" && <ChangeSecret vault={vault} done={() => finish("The secret is changed. The old one no longer opens the vault.")} cancel={() => setDoing("nothing")} />}
      {doing === "recovery" && <RenewRecovery vault={vault} done={() => finish("The new recovery code is in force. The old one no longer opens the vault.")} cancel={() => setDoing("nothing")} />}
    </Panel>
  );
}

interface StepProps {
  vault: OpenVault;
  done: () => void;
  cancel: () => void;
}

function ChangeSecret({ vault, done, cancel }: StepProps) {
  const change = useMutation({
    mutationFn: async (secret: string) => {
      await painted();
      const old = await ownSlot(vault, "secret");
      const { newId } = await import("@/vault/bytes");
      const slot = await vault.changeSecret(old?.id ?? newId(), secret);
      await api.putSlot(slot);
    },
    onSuccess: done,
    gcTime: 0,
  });
  return (
    <div className="grid max-w-md gap-3">
      <NewSecret submit="Change the secret" busy={change.isPending} error={change.error} onSecret={(secret) => change.mutate(secret)} testId="change-secret-submit" />
      <Button look="plain" onClick={cancel} disabled={change.isPending}>
        Keep the old one
      </Button>
    </div>
  );
}

function RenewRecovery({ vault, done, cancel }: StepProps) {
  const make = useMutation({
    mutationFn: async () => vault.newRecoveryCode((await ownSlot(vault, "recovery"))?.id),
    gcTime: 0,
  });
  const store = useMutation({ mutationFn: (slot: Slot) => api.putSlot(slot), onSuccess: done, gcTime: 0 });
  const failure = make.error ?? store.error;
  return (
    <div className="grid max-w-xl gap-4">
      {failure ? (
        <Banner tone="danger" icon="warning">
          {sentence(failure)}
        </Banner>
      ) : null}
      {make.data ? (
        <RecoveryCode code={make.data.recoveryCode} busy={store.isPending} submit="Put the new code in force" onStored={() => store.mutate(make.data.slot)} />
      ) : (
        <>
          <p className="text-soft">The old code goes on working until you have stored the new one.</p>
          <Button look="primary" busy={make.isPending} onClick={() => make.mutate()}>
            Make a new code
          </Button>
        </>
      )}
      <Button look="plain" onClick={cancel} disabled={store.isPending}>
        Keep the old code
      </Button>
    </div>
  );
}
