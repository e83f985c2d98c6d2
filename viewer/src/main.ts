// Where the front end begins: TensorBoard calls render(); the page and the one-file export start by themselves.
import { HttpSource } from "./data/http";
import { InlineSource } from "./data/inline";
import type { Source } from "./data/source";
import type { Home, InlineData } from "./data/types";
import { page } from "./page";
import { firstTheme, watchOuterTheme } from "./theme";

/** Shows the viewer in this document. */
export async function render(): Promise<void> {
  const home = (document.documentElement.dataset.iitHome as Home | undefined) ?? "tensorboard";
  const shown = page(document.body, sourceOf(), firstTheme(home), home);
  if (home === "tensorboard") watchOuterTheme((theme) => shown.store.set({ theme }));
  await shown.controller.start();
}

function sourceOf(): Source {
  const inline = document.getElementById("iit-data");
  if (inline) return new InlineSource(JSON.parse(inline.textContent ?? "") as InlineData);
  return new HttpSource(new URL(/* @vite-ignore */ ".", import.meta.url));
}

if (document.documentElement.dataset.iitHome) void render();
