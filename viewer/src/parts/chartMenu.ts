// How the curve is drawn: axis, smoothing, the band of all runs, and the way back from a part to the whole.
import { h } from "../dom";
import type { Context } from "../panels/panel";

const WINDOWS = [1, 5, 25, 101];

export function chartMenu({ store, controller }: Context): HTMLElement {
  const log = h("input", { type: "checkbox" });
  log.addEventListener("change", () => store.set({ log: log.checked }));
  const smooth = h(
    "select",
    { "aria-label": "Smoothing" },
    ...WINDOWS.map((many) => h("option", { value: many }, many === 1 ? "as it is" : `running mean of ${many} epochs`)),
  );
  smooth.addEventListener("change", () => store.set({ smooth: Number(smooth.value) }));
  const seeds = h("input", { type: "checkbox" });
  seeds.addEventListener("change", () => void controller.showSeeds(seeds.checked));
  const seedsLabel = h("label", { class: "check of-runs" }, seeds, "mean and range of all runs");
  const whole = h("button", { type: "button", class: "quiet whole", hidden: true }, "All epochs");
  whole.addEventListener("click", () => store.set({ zoom: null }));
  const menu = h(
    "details",
    { class: "chart-menu" },
    h("summary", { class: "quiet" }, "Chart"),
    h(
      "div",
      { class: "popup" },
      h("label", { class: "check" }, log, "logarithmic axis"),
      h("label", { class: "check" }, "line", smooth),
      seedsLabel,
      h("p", {}, "Drag over the chart to see a part of the epochs; a double click shows all."),
    ),
  );
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(event.target as Node)) menu.open = false;
  });
  store.on(["runs", "log", "smooth", "seeds", "zoom"], (state) => {
    seedsLabel.hidden = state.runs.length < 2;
    log.checked = state.log;
    smooth.value = String(state.smooth);
    seeds.checked = state.seeds !== null;
    whole.hidden = state.zoom === null;
  });
  return h("span", { class: "chart-tools" }, whole, menu);
}
