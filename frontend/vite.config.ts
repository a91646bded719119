// How the UI is built: one page, routes loaded when needed, nothing inlined (the API serves it under a strict CSP).
import { fileURLToPath, URL } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// In development the service worker is served as a module at the address the build gives it.
const serviceWorkerInDev: Plugin = {
  name: "guardian-sw-dev",
  apply: "serve",
  configureServer(server) {
    server.middlewares.use("/sw.js", (_request, response, next) => {
      server.transformRequest("/src/sw/index.ts").then((result) => {
        if (!result) return next();
        response.setHeader("Content-Type", "text/javascript");
        response.setHeader("Service-Worker-Allowed", "/");
        response.end(result.code);
      }, next);
    });
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), serviceWorkerInDev],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
    manifest: true,
  },
  server: {
    host: "127.0.0.1",
    fs: { allow: [fileURLToPath(new URL("..", import.meta.url))] },
    proxy: { "/api": { target: process.env["GUARDIAN_API"] ?? "http://127.0.0.1:8080", changeOrigin: false } },
  },
});
