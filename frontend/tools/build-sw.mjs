// Builds the service worker into one self-contained file at dist/sw.js: its scope is the whole site, its name never changes.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
await build({
  root,
  configFile: false,
  publicDir: false,
  resolve: { alias: { "@": join(root, "src") } },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    lib: { entry: join(root, "src", "sw", "index.ts"), formats: ["iife"], name: "guardianWorker", fileName: () => "sw.js" },
  },
});
