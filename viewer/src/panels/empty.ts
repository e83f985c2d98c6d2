// What stands there while there is nothing to show.
import { fill, h } from "../dom";
import type { Context, Panel } from "./panel";

export function emptyPanel({ store }: Context): Panel {
  const panel = h("section", { class: "nothing", hidden: true, "aria-label": "No records" });
  store.on(["runs", "loaded", "problem", "a"], (state) => {
    const index = state.a?.index;
    const none =
      state.loaded && (!state.runs.length || (index && !index.rows.length && !index.steps.length && !index.networks.length));
    panel.hidden = !none;
    if (!none) return;
    fill(
      panel,
      h("div", { class: "big" }, "Φ"),
      h("h2", {}, state.problem || "No records yet"),
      h("p", {}, state.title ? `Looking in ${state.title}.` : ""),
      h("p", {}, "Records appear here by themselves while a run with the callback trains:"),
      h("pre", {}, "from lightning_iit import IITCallback\n\nTrainer(callbacks=[IITCallback()])"),
    );
  });
  return { element: panel };
}
