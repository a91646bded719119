// How a file is checked and written to a stick, system by system.

export type System = "linux" | "mac" | "windows";

export const systems: readonly (readonly [System, string])[] = [
  ["windows", "Windows"],
  ["mac", "macOS"],
  ["linux", "Linux"],
];

/** The system of this browser; Linux where it is none of them, as on a phone. */
export function ownSystem(agent: string): System {
  if (/Windows/.test(agent)) return "windows";
  return /Macintosh/.test(agent) ? "mac" : "linux";
}

export interface Command {
  what: string;
  line: string;
}

/** Prints OK or True when the file is what this page says. */
export function checkCommand(system: System, file: string, sha256: string): Command {
  if (system === "windows") return { what: "In PowerShell, in the folder of the file; it answers True:", line: `(Get-FileHash ${file}).Hash -eq "${sha256}"` };
  const tool = system === "mac" ? "shasum -a 256 --check" : "sha256sum --check";
  return { what: "In a terminal, in the folder of the file; it answers OK:", line: `echo "${sha256}  ${file}" | ${tool}` };
}

/** None on Windows: nothing that comes with it writes an image to a stick as it is. */
export function writeCommands(system: System, file: string): Command[] {
  if (system === "windows") return [];
  if (system === "mac") {
    return [
      { what: "Find the stick, and put its number in place of N below:", line: "diskutil list external" },
      { what: "Let go of it, and write:", line: `diskutil unmountDisk /dev/diskN && sudo dd if=${file} of=/dev/rdiskN bs=4m` },
    ];
  }
  return [
    { what: "Find the stick, and put its letter in place of X below:", line: "lsblk -d -o NAME,SIZE,TRAN,MODEL" },
    { what: "Write it:", line: `sudo dd if=${file} of=/dev/sdX bs=4M conv=fsync status=progress` },
  ];
}

/** What the Mini PC's own screen says meanwhile, in the installer's words (src/guardian/appliance/install.py). */
export function screenOf(name: string): string[] {
  return ["Private AI Guardian: installation", "Checking this medium      100 %", `The seed is for ${name}.`, "Done. Take the stick out; the machine restarts in 10 seconds."];
}
