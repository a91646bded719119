// Asks for a new secret twice; used when a vault is made and when its secret is changed.
import { useState, type FormEvent } from "react";
import { Button } from "@/ui/Button";
import { Banner, sentence } from "@/ui/Feedback";
import { HiddenUsername, SecretField } from "@/ui/Field";
import { StrengthMeter } from "./StrengthMeter";
import { strengthOf } from "./strength";
import { useVaultName } from "./useVaultName";
import { Working } from "./Working";

interface Props {
  submit: string;
  busy: boolean;
  error: unknown;
  onSecret: (secret: string) => void;
  testId: string;
}

export function NewSecret({ submit, busy, error, onSecret, testId }: Props) {
  const vaultName = useVaultName();
  const [secret, setSecret] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const strength = strengthOf(secret);
  const wrong = tried && strength.level === 0 ? strength.advice : null;
  const differs = tried && again !== secret ? "The two are not the same. Type the secret again." : null;

  const send = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (strength.level > 0 && secret === again) onSecret(secret);
  };

  return (
    <form className="grid gap-5" onSubmit={send} autoComplete="off">
      <HiddenUsername name={vaultName} />
      {error ? (
        <Banner tone="danger" icon="warning">
          {sentence(error)}
        </Banner>
      ) : null}
      <SecretField
        label="Your vault’s secret"
        name="vault-secret"
        autoComplete="new-password"
        data-testid="vault-secret"
        value={secret}
        disabled={busy}
        error={wrong}
        onChange={(e) => setSecret(e.target.value)}
      />
      <StrengthMeter secret={secret} />
      <SecretField
        label="The secret again"
        name="vault-secret-confirm"
        autoComplete="new-password"
        data-testid="vault-secret-confirm"
        value={again}
        disabled={busy}
        error={differs}
        onChange={(e) => setAgain(e.target.value)}
      />
      <Button type="submit" look="primary" busy={busy} data-testid={testId}>
        {submit}
      </Button>
      {busy && <Working>Making your keys. The secret is stretched on purpose (Argon2id, 64 MiB), so that guessing it is slow.</Working>}
    </form>
  );
}
