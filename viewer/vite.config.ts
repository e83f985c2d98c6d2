import { defineConfig } from "vite";

// One ES module for every home: TensorBoard imports it, the page loads it, exports carry it inside.
export default defineConfig({
  base: "./",
  publicDir: "public",
  build: {
    outDir: "../lightning_iit/viewer/static",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: true,
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      input: "src/main.ts",
      preserveEntrySignatures: "strict",
      output: { format: "es", entryFileNames: "viewer.js", codeSplitting: false },
    },
  },
});
