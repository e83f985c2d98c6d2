import { defineConfig } from "vite";

// The studio's page: a module of its own beside the viewer's, which is built first.
export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: "../lightning_iit/viewer/static",
    emptyOutDir: false,
    target: "es2022",
    reportCompressedSize: true,
    rollupOptions: {
      input: "src/studio/main.ts",
      output: { format: "es", entryFileNames: "studio.js", codeSplitting: false },
    },
  },
});
