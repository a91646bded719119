import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkCommand, ownSystem, screenOf, systems, writeCommands } from "./commands";

const FILE = "guardian-edge-3f2b8c1d.iso";

it("the check that is shown for Linux says OK of the right file, and fails of another", () => {
  const folder = mkdtempSync(join(tmpdir(), "gui-"));
  try {
    const content = Buffer.from("an image");
    const { line } = checkCommand("linux", FILE, createHash("sha256").update(content).digest("hex"));
    writeFileSync(join(folder, FILE), content);
    expect(execFileSync("sh", ["-c", line], { cwd: folder, encoding: "utf8" })).toBe(`${FILE}: OK\n`);
    writeFileSync(join(folder, FILE), "another");
    expect(() => execFileSync("sh", ["-c", line], { cwd: folder, stdio: "pipe" })).toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("each system has its own words, and none is told to write to a disk by a name that could be one", () => {
  for (const [system] of systems) {
    expect(checkCommand(system, FILE, "5e".repeat(32)).line).toContain("5e".repeat(32));
    for (const { line } of writeCommands(system, FILE)) expect(line).not.toMatch(/\/dev\/(r?disk\d|sd[a-z]\b|nvme)/);
  }
  expect(ownSystem("Mozilla/5.0 (Windows NT 10.0; Win64; x64)")).toBe("windows");
  expect(ownSystem("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)")).toBe("mac");
  expect(ownSystem("Mozilla/5.0 (X11; Linux x86_64)")).toBe("linux");
});

it("what the screen is said to show is what the installer says", () => {
  // The folder of the UI is where its tests are run.
  const installer = readFileSync(join(process.cwd(), "..", "src", "guardian", "appliance", "install.py"), "utf8");
  expect(installer).toMatch(/_SECONDS = 10\b/);
  const [title = "", progress = "", seed = "", done = ""] = screenOf("{seed.name or 'an edge without a name'}");
  for (const words of [title, progress.split("  ")[0] ?? "", seed, done.replace("10 seconds", "{_SECONDS} seconds")]) expect(installer).toContain(words);
});
