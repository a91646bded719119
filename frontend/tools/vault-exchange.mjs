// Prints, as JSON, a household made by the browser's code: `node tools/vault-exchange.mjs`.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const server = await createServer({
  root,
  configFile: false,
  logLevel: "error",
  appType: "custom",
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, ws: false, watch: null, fs: { allow: [join(root, "..")] } },
});
try {
  const { exchange } = await server.ssrLoadModule("/src/vault/exchange.ts");
  process.stdout.write(JSON.stringify(await exchange()));
} finally {
  await server.close();
}
