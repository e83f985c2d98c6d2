// Keeps the address of the page and its state the same, in both directions.
import type { Address } from "./state/address";
import { addressOf, read, written } from "./state/address";
import type { AppState } from "./state/app";
import type { Controller } from "./state/controller";
import type { Store } from "./state/store";

/** What changes within this time, in milliseconds, is one step back. */
const TOGETHER_MS = 300;

/** Whether the page is in a frame that the browser has cut off (MLflow's): such a frame has no address and saves no files. */
export const isCutOff = (): boolean => window.parent !== window && self.origin === "null";

/** What the address asks for. */
export const asked = (): Address | null => read(location.hash);

/** Writes each change of the state into the address, and shows what a person goes back to. */
export function keepAddress(store: Store<AppState>, controller: Controller): void {
  let timer = 0;
  let showing = 0;
  const write = (isStep: boolean) => {
    const address = addressOf(store.state);
    if (showing || address.run === null) return;
    const text = written(address);
    if (text === location.hash.slice(1)) return;
    const before = asked();
    // To turn the network is no step to go back: it would be many.
    const turned = before !== null && written({ ...before, camera: null }) === written({ ...address, camera: null });
    const url = `${location.href.split("#")[0]}#${text}`;
    if (isStep && before !== null && !turned) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
  };
  store.on(
    ["a", "b", "shown", "against", "wantedFormalism", "layer", "epoch", "follow", "wanted", "unit", "tab", "camera", "tour"],
    (state, before) => {
      if (written(addressOf(state)) === written(addressOf(before))) return;
      clearTimeout(timer);
      timer = window.setTimeout(write, TOGETHER_MS, true);
    },
  );
  write(false);
  window.addEventListener("popstate", async () => {
    const address = asked();
    if (!address) return;
    clearTimeout(timer);
    showing++;
    try {
      await controller.show(address);
    } finally {
      showing--;
    }
    write(false);
  });
}
