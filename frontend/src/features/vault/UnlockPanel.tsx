// The locked vault: nothing of it is shown, only the two ways to open it.
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useMutation } from "@tanstack/react-query";
import { unlockVault } from "@/app/vault";
import { Button } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";
import { HiddenUsername, SecretField, TextField } from "@/ui/Field";
import { Icon } from "@/ui/icons";
import { announce } from "@/ui/announce";
import { useVaultName } from "./useVaultName";
import { painted, Working } from "./Working";

type Way = "secret" | "recovery";

export default function UnlockPanel() {
  const vaultName = useVaultName();
  const [way, setWay] = useState<Way>("secret");
  const [typed, setTyped] = useState("");
  // Whoever was somewhere in the page that is gone now goes on from here.
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const unlock = useMutation({
    mutationFn: async (entered: { way: Way; typed: string }) => {
      await painted();
      await unlockVault(entered.way, entered.typed);
    },
    onSuccess: () => announce("Vault open"),
    gcTime: 0,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (typed) unlock.mutate({ way, typed });
  };
  const switchWay = (): void => {
    setWay(way === "secret" ? "recovery" : "secret");
    setTyped("");
    unlock.reset();
  };

  return (
    <section data-testid="locked-state" aria-labelledby="locked-title" className="mx-auto grid max-w-md justify-items-center pt-6 sm:pt-16">
      <title>Locked · Guardian</title>
      <span className="grid size-16 place-items-center rounded-full bg-primary-wash text-primary">
        <Icon name="lock" size={30} />
      </span>
      <h1 id="locked-title" ref={heading} tabIndex={-1} className="outline-none mt-5 text-xl font-semibold">
        Your vault is locked
      </h1>
      <p className="mt-1.5 mb-7 text-center text-soft">Pictures stay sealed until you open it. Nothing you type here is sent anywhere.</p>
      <form className="grid w-full gap-5" onSubmit={submit} autoComplete="off">
        <HiddenUsername name={vaultName} />
        {unlock.error ? (
          <Banner tone="danger" icon="warning">
            {sentence(unlock.error)}
          </Banner>
        ) : null}
        {way === "secret" ? (
          <SecretField label="Your vault’s secret" autoComplete="off" data-1p-ignore data-lpignore="true" data-bwignore name="vault-secret" data-testid="unlock-secret" value={typed} disabled={unlock.isPending} onChange={(e) => setTyped(e.target.value)} />
        ) : (
          <TextField
            label="Recovery code"
            hint="28 letters and digits, as you stored them. Dashes and case do not matter."
            autoComplete="off"
            spellCheck={false}
            className="font-mono uppercase"
            data-testid="unlock-recovery"
            value={typed}
            disabled={unlock.isPending}
            onChange={(e) => setTyped(e.target.value)}
          />
        )}
        <Button type="submit" look="primary" icon="unlock" busy={unlock.isPending} disabled={!typed} data-testid="unlock-submit">
          Open the vault
        </Button>
        {unlock.isPending ? (
          <Working>Stretching your secret into a key. This takes a moment on purpose.</Working>
        ) : (
          <Button look="plain" onClick={switchWay} data-testid="unlock-switch">
            {way === "secret" ? "Use the recovery code instead" : "Use the secret instead"}
          </Button>
        )}
      </form>
    </section>
  );
}
