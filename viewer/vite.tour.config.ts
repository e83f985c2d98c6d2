import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Puts the module into its page, so that one file holds all; the module by itself is not written. */
const onePage: Plugin = {
  name: "one-page",
  generateBundle(_, bundle) {
    for (const [name, file] of Object.entries(bundle)) {
      if (file.type !== "chunk") this.error(`The tour is one file; ${name} would lie beside it.`);
      if (/<\/script|<!--/i.test(file.code)) this.error("What ends a script cannot stand inside one.");
      const page = readFileSync(here("src/tour/alone.html"), "utf8");
      const source = page.replace('<script type="module">', (tag) => `${tag}${file.code.trim()}`);
      delete bundle[name];
      this.emitFile({ type: "asset", fileName: "tour.html", source });
    }
  },
};

// The tour alone, as docs/tour.html.
export default defineConfig({
  root: here("."),
  publicDir: false,
  plugins: [onePage],
  build: {
    outDir: here("../docs"),
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    rollupOptions: {
      input: here("src/tour/alone.ts"),
      output: { format: "es", codeSplitting: false },
    },
  },
});
