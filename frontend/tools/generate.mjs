// Makes what is generated and not committed: API types from openapi.json, message types from ../proto.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const gen = join(root, "src", "gen");
mkdirSync(gen, { recursive: true });

const local = join(root, "node_modules", ".bin");
const venv = join(root, "..", ".venv", "bin");
const env = { ...process.env, PATH: [local, dirname(process.execPath), venv, process.env.PATH].join(delimiter) };
const run = (command, args) => execFileSync(command, args, { cwd: root, env, stdio: "inherit" });

const buf = existsSync(join(venv, "buf")) ? join(venv, "buf") : "buf";
run(buf, ["generate", "--template", "buf.gen.yaml"]);
const api = join(root, "openapi.json");
run(process.execPath, [join(root, "node_modules", "openapi-typescript", "bin", "cli.js"), api, "-o", join(gen, "api.ts")]);
