// What few need to say: where the machine is, its Wi-Fi, how it is installed, who may look after it.
import { useMemo, type ReactNode } from "react";
import { Banner } from "@/ui/Feedback";
import { CheckField, SecretField, SelectField, TextField } from "@/ui/Field";
import { timeZones, type Faults, type Wish } from "./wish";

interface Props {
  wish: Wish;
  faults: Faults;
  busy: boolean;
  set: (part: Partial<Wish>) => void;
}

export function MoreSettings({ wish, faults, busy, set }: Props) {
  const zones = useMemo(timeZones, []);
  return (
    <div className="mt-2 grid gap-7 rounded-md border border-line bg-paper p-4 sm:p-5">
      <Group title="Place">
        <SelectField label="Time zone" data-testid="image-timezone" value={wish.timezone} disabled={busy} onChange={(event) => set({ timezone: event.target.value })}>
          {zones.map((zone) => (
            <option key={zone}>{zone}</option>
          ))}
        </SelectField>
        <TextField
          label="Locale"
          hint="Empty: C.UTF-8, the one that our images have. Another one is told of on the machine’s screen, and not taken."
          placeholder="C.UTF-8"
          autoComplete="off"
          spellCheck={false}
          autoCapitalize="none"
          maxLength={32}
          data-testid="image-locale"
          value={wish.locale}
          disabled={busy}
          error={faults.locale}
          onChange={(event) => set({ locale: event.target.value.trim() })}
        />
      </Group>
      <Group title="Wi-Fi" lead="Only where no cable reaches, and for a card that needs no firmware: our images bring none. A cable is preferred while there is one.">
        <TextField
          label="Name of the network"
          autoComplete="off"
          spellCheck={false}
          autoCapitalize="none"
          data-testid="image-ssid"
          value={wish.ssid}
          disabled={busy}
          error={faults.ssid}
          onChange={(event) => set({ ssid: event.target.value })}
        />
        <SecretField
          label="Its passphrase"
          hint="Whoever has the downloaded file or the stick can read this, now and later: erase both when the machine runs."
          autoComplete="off"
          maxLength={64}
          data-testid="image-passphrase"
          value={wish.passphrase}
          disabled={busy}
          error={faults.passphrase}
          onChange={(event) => set({ passphrase: event.target.value })}
        />
      </Group>
      <Group title="Installation" wide>
        <CheckField
          label="Install without asking"
          hint="For a machine without a screen. Off: the installer asks before it wipes a disk that holds something."
          data-testid="image-unattended"
          checked={wish.unattended}
          disabled={busy}
          onChange={(event) => set({ unattended: event.target.checked })}
        />
        {wish.unattended && (
          <Banner tone="danger" icon="warning" title="This stick wipes a disk without asking">
            Whatever machine is started from it loses all that is on one of its internal disks, even if that holds data: the fastest, of several the largest. Label the stick, and take it out when it is done.
          </Banner>
        )}
        <CheckField
          label="Encrypt what it keeps"
          hint={`To the machine’s TPM 2.0, which must be switched on; without one the installation stops before the disk is touched.${wish.unattended ? "" : " Its screen shows a recovery key: write it down."}`}
          data-testid="image-encrypt"
          checked={wish.encrypt}
          disabled={busy}
          onChange={(event) => set({ encrypt: event.target.checked })}
        />
        {wish.encrypt && wish.unattended && !wish.sshKey && (
          <Banner tone="lamp" icon="key" title="Nobody will see its recovery key">
            Installed without asking, it shows the key to nobody. Give an SSH public key below, and read it there: <code className="font-mono">guardian disk recovery-key</code>.
          </Banner>
        )}
      </Group>
      <Group title="Maintenance" wide>
        <TextField
          label="SSH public key"
          hint="Its holder may log in as root from your home’s network. Empty: nobody can log in."
          placeholder="ssh-ed25519 AAAA… you@desk"
          className="font-mono text-sm"
          autoComplete="off"
          spellCheck={false}
          autoCapitalize="none"
          data-testid="image-ssh-key"
          value={wish.sshKey}
          disabled={busy}
          error={faults.sshKey}
          onChange={(event) => set({ sshKey: event.target.value })}
        />
      </Group>
    </div>
  );
}

function Group({ title, lead, wide = false, children }: { title: string; lead?: string; wide?: boolean; children: ReactNode }) {
  return (
    <fieldset className="min-w-0">
      <legend className="font-semibold">{title}</legend>
      {lead && <p className="mt-0.5 text-sm text-soft">{lead}</p>}
      <div className={wide ? "mt-3 grid gap-4" : "mt-3 grid items-start gap-4 sm:grid-cols-2"}>{children}</div>
    </fieldset>
  );
}
