// Making the vault: choose the secret, store the recovery code. Nothing is published before both are done.
import { useEffect, useRef, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useSession } from "@/app/queries";
import { publishVault, vaultCode } from "@/app/vault";
import { Banner, sentence } from "@/ui/Feedback";
import { Steps } from "@/ui/Steps";
import { NewSecret } from "./NewSecret";
import { RecoveryCode } from "./RecoveryCode";
import { painted } from "./Working";

export default function SetupWizard() {
  const user = useSession().data?.user;
  const navigate = useNavigate();
  const heading = useRef<HTMLHeadingElement>(null);
  const make = useMutation({
    mutationFn: async (secret: string) => {
      const { OpenVault } = await vaultCode();
      await painted();
      return OpenVault.create(secret, (user?.name || user?.email || "Owner").slice(0, 64));
    },
    gcTime: 0,
  });
  const publish = useMutation({
    mutationFn: publishVault,
    onSuccess: () => navigate("/devices"),
  });
  const [left, setLeft] = useState(false);
  const made = make.data;

  useEffect(() => {
    if (made) heading.current?.focus();
  }, [made]);
  useEffect(() => {
    if (!made || left) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [made, left]);

  return (
    <div className="mx-auto max-w-xl py-4">
      <title>Your vault · Guardian</title>
      <Steps names={["Secret", "Recovery code", "Your edge", "Watching"]} current={made ? 1 : 0} />
      <h1 ref={heading} tabIndex={-1} className="mt-8 text-2xl font-semibold outline-none">
        {made ? "Store your recovery code" : "Make your vault"}
      </h1>
      {made ? (
        <>
          <p className="mt-2 mb-6 text-soft">If you forget the secret, this code opens the vault. Write it down or print it, and keep it away from this device.</p>
          {publish.error ? (
            <div className="mb-5">
              <Banner tone="danger" icon="warning" title="Your vault is not stored yet">
                {sentence(publish.error)}
              </Banner>
            </div>
          ) : null}
          <RecoveryCode
            code={made.recoveryCode}
            busy={publish.isPending}
            submit="Finish the vault"
            onStored={() => {
              setLeft(true);
              publish.mutate(made);
            }}
          />
        </>
      ) : (
        <>
          <p className="mt-2 mb-6 text-soft">
            Everything your cameras record is sealed to keys that only this secret opens. It is not your account&rsquo;s password, it never leaves this browser, and nobody can reset it.
          </p>
          <NewSecret submit="Make the vault" busy={make.isPending} error={make.error} onSecret={(secret) => make.mutate(secret)} testId="vault-create" />
        </>
      )}
    </div>
  );
}
