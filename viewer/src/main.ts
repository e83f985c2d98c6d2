// Where the front end begins: TensorBoard calls render(); the page and the one-file export start by themselves.
import { HttpSource } from "./data/http";
import { InlineSource } from "./data/inline";
import type { Source } from "./data/source";
import { takeToken } from "./data/token";
import type { Home, InlineData } from "./data/types";
import { asked, isCutOff, keepAddress } from "./history";
import { page } from "./page";
import { firstTheme, watchOuterTheme } from "./theme";
import { followTour } from "./tour/open";

/** Shows the viewer in this document. */
export async function render(): Promise<void> {
  const home = (document.documentElement.dataset.iitHome as Home | undefined) ?? "tensorboard";
  const shown = page(document.body, sourceOf(home), firstTheme(home), home);
  followTour(shown.store);
  if (home === "tensorboard") watchOuterTheme((theme) => shown.store.set({ theme }));
  if (isCutOff()) return shown.controller.start();
  await shown.controller.start(asked());
  keepAddress(shown.store, shown.controller);
}

function sourceOf(home: Home): Source {
  const inline = document.getElementById("iit-data");
  if (inline) return new InlineSource(JSON.parse(inline.textContent ?? "") as InlineData);
  return new HttpSource(new URL(/* @vite-ignore */ ".", import.meta.url), home === "page" ? takeToken() : "");
}

if (document.documentElement.dataset.iitHome) void render();
