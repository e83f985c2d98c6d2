// What was left out or cannot be reached: said once, above everything it concerns.
import { fill, h } from "../dom";
import type { Context, Panel } from "./panel";

export function banner({ store }: Context): Panel {
  const panel = h("div", { class: "banner", role: "status", hidden: true });
  store.on(["a", "b", "leftOut", "problem", "runs", "missing"], (state) => {
    const notes = [
      state.problem && state.runs.length ? `The server does not answer: ${state.problem}` : "",
      state.missing,
      ...(state.a?.index?.notes ?? []),
      ...(state.b?.index?.notes ?? []),
      state.leftOut ? `${state.leftOut} older runs are not listed.` : "",
    ].filter(Boolean);
    panel.hidden = !notes.length;
    fill(panel, ...notes.map((note) => h("span", {}, note)));
  });
  return { element: panel };
}
