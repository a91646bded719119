// From the file to a Mini PC that is there: five steps, with what to type and what its screen says.
import { useState, type ReactNode } from "react";
import type { SeededImage } from "@/api/types";
import { bytes } from "@/lib/format";
import { CopyButton } from "@/ui/CopyButton";
import { ChoiceField } from "@/ui/Field";
import { checkCommand, ownSystem, screenOf, systems, writeCommands, type Command } from "./commands";

export function InstallSteps({ image, waiting }: { image: SeededImage; waiting: ReactNode }) {
  const [system, setSystem] = useState(() => ownSystem(navigator.userAgent));
  const writing = writeCommands(system, image.file_name);
  return (
    <div className="grid gap-6">
      <ChoiceField legend="The computer you write the stick with" name={`system-${image.id}`} choices={systems} value={system} onChange={setSystem} />
      <ol className="grid gap-6 [counter-reset:step]">
        <Step title="Check the download">
          <CommandLine command={checkCommand(system, image.file_name, image.sha256)} />
          <p className="text-sm text-faint">The installer checks every bit of the stick once more, before it touches a disk.</p>
        </Step>
        <Step title="Write it to a stick">
          <p>Take a USB stick of at least {bytes(image.size)}. All that is on it will be gone.</p>
          {writing.length === 0 && (
            <p>
              Use a program that writes an image to a stick as it is, byte for byte, such as balenaEtcher, or Rufus in its <em>DD</em> mode. Copying the file onto the stick is not enough.
            </p>
          )}
          {writing.map((command) => (
            <CommandLine key={command.line} command={command} />
          ))}
        </Step>
        <Step title="Start the Mini PC from it">
          <p>
            Plug in the stick and a network cable and switch it on. Choose the stick in its start menu, often under F7, F10, F11 or F12. Secure Boot may stay on; if it refuses the stick, allow the third-party certificate of Microsoft in its setup.
          </p>
        </Step>
        <Step title="Watch its screen">
          <pre aria-label="What its screen says" className="rounded-md bg-screen px-4 py-3.5 font-mono text-xs leading-6 whitespace-pre-wrap text-on-screen sm:text-sm">
            {screenOf(image.name).join("\n")}
          </pre>
          <p>If a disk holds something, it names it and waits for the word ERASE, unless you chose otherwise. After the restart the screen shows the machine&rsquo;s own page: address, cameras, and ten words.</p>
        </Step>
        <Step title="Compare the words here">
          <p>It appears on this page by itself, and records nothing before you have compared its ten words with those shown here.</p>
          {waiting}
        </Step>
      </ol>
    </div>
  );
}

function Step({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 [counter-increment:step]">
      <span className="mt-0.5 grid size-7 place-items-center rounded-full bg-primary-wash text-sm font-semibold text-primary before:content-[counter(step)]" aria-hidden="true" />
      <div className="grid max-w-3xl gap-2.5 text-soft">
        <h3 className="mt-0.5 font-semibold text-ink">{title}</h3>
        {children}
      </div>
    </li>
  );
}

function CommandLine({ command }: { command: Command }) {
  return (
    <div className="grid gap-1.5">
      <p>{command.what}</p>
      <div className="flex items-start gap-2 rounded-md bg-sunken p-1.5 pl-3.5 max-sm:flex-col max-sm:p-3.5">
        <code className="min-w-0 flex-1 self-center font-mono text-sm wrap-anywhere text-ink">{command.line}</code>
        <CopyButton text={command.line} what="Command" />
      </div>
    </div>
  );
}
