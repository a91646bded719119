// Builds the bare player page of src/player/harness and the service worker into the folder given: `node tools/build-harness.mjs FOLDER`.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const outDir = process.argv[2];
if (!outDir) throw new Error("Say where to build it: node tools/build-harness.mjs FOLDER");
const common = { configFile: false, publicDir: false, logLevel: "warn", resolve: { alias: { "@": join(root, "src") } } };
await build({
  ...common,
  root: join(root, "src", "player", "harness"),
  build: { target: "es2022", outDir, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
await build({
  ...common,
  root,
  build: {
    target: "es2022",
    outDir,
    emptyOutDir: false,
    lib: { entry: join(root, "src", "sw", "index.ts"), formats: ["iife"], name: "guardianWorker", fileName: () => "sw.js" },
  },
});
