// The recovery code, shown once: to copy, print or download, and a gate that asks for one group of it back.
import { useId, useState } from "react";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/CopyButton";
import { Banner } from "@/ui/Feedback";
import { TextField } from "@/ui/Field";
import { saveText } from "@/lib/save";

interface Props {
  code: string;
  busy: boolean;
  submit: string;
  onStored: () => void;
}

const tidy = (text: string): string => text.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");

const paper = (code: string): string =>
  `Private AI Guardian, recovery code\n\n    ${code}\n\nWhoever has this code can open your vault. Keep it where you keep\nthings you cannot replace, not on the device you watch from.\n`;

export function RecoveryCode({ code, busy, submit, onStored }: Props) {
  const groups = code.split("-");
  const [asked] = useState(() => 1 + Math.floor(Math.random() * (groups.length - 1)));
  const [typed, setTyped] = useState("");
  const [stored, setStored] = useState(false);
  const box = useId();
  const right = tidy(typed) === groups[asked];
  const wrong = tidy(typed).length >= 4 && !right ? `That is not group ${asked + 1}. Look at what you stored.` : null;

  return (
    <div className="grid gap-5">
      <div className="print-sheet rounded-lg border border-line-strong bg-surface p-5">
        <p className="mb-3 text-sm text-soft">Your recovery code</p>
        <p data-testid="recovery-code" className="flex flex-wrap gap-y-2 font-mono text-lg font-semibold tracking-wide select-all">
          {groups.map((group, index) => (
            <span key={index}>
              {group}
              {index < groups.length - 1 && <span className="mx-1.5 font-normal text-faint">-</span>}
            </span>
          ))}
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        <CopyButton text={code} what="Recovery code" />
        <Button icon="print" onClick={() => window.print()}>
          Print
        </Button>
        <Button icon="download" onClick={() => saveText("guardian-recovery-code.txt", paper(code))}>
          Download
        </Button>
      </div>
      <Banner tone="lamp" icon="warning">
        It is shown this once. If both the secret and this code are lost, nobody can open your recordings again: not you, not us.
      </Banner>
      <TextField
        label={`To be sure, type group ${asked + 1} of what you stored`}
        data-testid="recovery-retype"
        data-group={asked + 1}
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        maxLength={9}
        className="max-w-40 font-mono tracking-widest uppercase"
        error={wrong}
        value={typed}
        onChange={(e) => setTyped(e.target.value)}
      />
      <label htmlFor={box} className="flex min-h-11 items-center gap-3">
        <input id={box} type="checkbox" data-testid="recovery-stored" className="size-5 accent-primary" checked={stored} onChange={(e) => setStored(e.target.checked)} />
        I have stored it in a safe place
      </label>
      <Button look="primary" disabled={!stored || !right} busy={busy} data-testid="vault-continue" onClick={onStored}>
        {submit}
      </Button>
    </div>
  );
}
