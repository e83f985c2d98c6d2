// Φ over epochs: a line for each layer, gaps with their reasons, another run beside it, loss and accuracy on request.
import type uPlot from "uplot";
import type { RunIndex } from "../data/types";
import { fill, h } from "../dom";
import type { Line } from "../parts/plot";
import { makePlot, metricsOf } from "../parts/plot";
import type { Place } from "../probe";
import { category } from "../scales/color";
import { curves, epochsOf } from "../scales/curve";
import { epochName } from "../scales/format";
import type { AppState } from "../state/app";
import type { Context, Panel } from "./panel";

const MOST_LAYERS = 8;

export function curvePanel(context: Context): Panel {
  const { store, controller } = context;
  const chart = h("div", { class: "chart", role: "img", "aria-label": "Φ over epochs; the slider above goes through them" });
  const legend = h("div", { class: "chart-legend" });
  const metrics = h("input", { type: "checkbox" });
  metrics.addEventListener("change", () => void controller.showMetrics(metrics.checked));
  const group = h("input", { type: "checkbox" });
  group.addEventListener("change", () => store.set({ group: group.checked }));
  const groupLabel = h("label", { class: "check" }, group, "shown group");
  const title = h("h2", {});
  const slider = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Epoch", class: "epochs" });
  const where = h("output", { class: "step" });
  const follow = h("input", { type: "checkbox" });
  follow.addEventListener("change", () => controller.follow(follow.checked));
  const followLabel = h("label", { class: "check" }, follow, "newest");
  followLabel.hidden = !controller.live;
  const step = (by: number, text: string, name: string) => {
    const button = h("button", { class: "quiet small", type: "button", "aria-label": name }, text);
    button.addEventListener("click", () => controller.stepEpoch(by));
    return button;
  };
  let epochs: number[] = [];
  slider.addEventListener("input", () => {
    const epoch = epochs[Number(slider.value)];
    if (epoch !== undefined) controller.goTo(epoch);
  });
  let plot: uPlot | null = null;
  let size = "";
  const draw = () => {
    plot?.destroy();
    plot = null;
    const { a, b } = store.state;
    epochs = epochsOf(a?.index, b?.index);
    const lines = [...linesOf("A", a?.index), ...linesOf("B", b?.index)];
    const surveyed = lines.some((line) => line.curve.surveyed);
    title.textContent = surveyed ? "Φ of the layer over epochs" : "Φ over epochs";
    groupLabel.hidden = !surveyed;
    slider.max = String(Math.max(0, epochs.length - 1));
    if (!lines.length || chart.clientWidth < 40) return fill(chart);
    fill(chart);
    plot = makePlot(context, chart, epochs, lines);
    fill(legend, ...legendOf(lines, store.state));
  };
  const point = () => {
    const { epoch } = store.state;
    slider.value = String(Math.max(0, epochs.indexOf(epoch ?? Number.NaN)));
    slider.disabled = epochs.length < 2;
    where.textContent = epoch === null ? "" : epochName(epoch);
    follow.checked = store.state.follow;
    plot?.redraw(false);
  };
  store.on(["a", "b", "layer", "theme", "metrics", "group"], (state, before) => {
    const same =
      state.a?.index === before.a?.index &&
      state.b?.index === before.b?.index &&
      state.a?.scalars === before.a?.scalars &&
      state.b?.scalars === before.b?.scalars &&
      state.layer === before.layer &&
      state.theme === before.theme &&
      state.metrics === before.metrics &&
      state.group === before.group;
    if (state !== before && same) return;
    requestAnimationFrame(() => {
      draw();
      point();
    });
  });
  store.on(["epoch", "follow"], point);
  new ResizeObserver(() => {
    const now = `${chart.clientWidth}x${chart.clientHeight}`;
    if (now === size) return;
    size = now;
    requestAnimationFrame(draw);
  }).observe(chart);
  const place = (epoch: number, value: number): Place | null => {
    const box = plot?.over.getBoundingClientRect();
    return plot && box ? { x: box.left + plot.valToPos(epoch, "x"), y: box.top + plot.valToPos(value, "y") } : null;
  };
  const element = h(
    "section",
    { class: "curve card" },
    h(
      "div",
      { class: "curve-top" },
      title,
      step(-1, "‹", "Epoch before"),
      slider,
      step(1, "›", "Epoch after"),
      where,
      followLabel,
      groupLabel,
      h("label", { class: "check" }, metrics, "loss, accuracy"),
    ),
    chart,
    legend,
  );
  const keys = { ArrowLeft: () => controller.stepEpoch(-1), ArrowRight: () => controller.stepEpoch(1) };
  return { element, keys, probe: { chartPlace: place } };
}

function linesOf(run: "A" | "B", index: RunIndex | null | undefined): Line[] {
  if (!index) return [];
  const all = curves(index, epochsOf(index));
  return all.slice(0, MOST_LAYERS).map((curve, at) => ({ run, curve, color: category(at) }));
}

function legendOf(lines: Line[], state: AppState): HTMLElement[] {
  const many = state.b !== null;
  const made = lines.map((line) =>
    h(
      "span",
      { class: `key ${line.curve.layer === state.layer ? "current" : ""}` },
      h("i", { class: line.run === "B" ? "stroke dashed" : "stroke", style: { background: line.color, color: line.color } }),
      many ? `${line.run} · ${line.curve.layer}` : line.curve.layer,
    ),
  );
  const metrics = state.metrics ? metricsOf(state) : [];
  const others = metrics.map((metric, at) =>
    h("span", { class: "key" }, h("i", { class: "stroke", style: { background: category(at + 3) } }), metric.tag),
  );
  const shown = lines.map((line) => line.curve).filter((curve) => curve.layer === state.layer);
  const has = (wanted: (gap: Line["curve"]["gaps"][number]) => boolean) => lines.some((line) => line.curve.gaps.some(wanted));
  const key = (mark: HTMLElement, text: string) => h("span", { class: "key" }, mark, text);
  const older = shown.filter((curve) => !curve.surveyed);
  const groups = state.group ? shown.filter((curve) => curve.surveyed) : [];
  const notes = [
    shown.some(({ surveyed, high }) => surveyed && high.some((value) => value !== null)) &&
      key(h("i", { class: "band" }), "90 % interval"),
    groups.length && key(h("i", { class: "stroke thin" }), "shown group"),
    groups.some(({ changes }) => changes.length) && key(h("b", {}, "■"), "its state changed"),
    older.some(({ line, high }) => line.some((value, at) => (high[at] ?? 0) - (value ?? 0) > 1e-9)) &&
      key(h("i", { class: "band" }), "mean to maximum over states"),
    [...older, ...groups].some(({ nullUpper }) => nullUpper.some((value) => value !== null)) &&
      key(h("i", { class: "stroke dotted" }), "null, upper"),
    has((gap) => gap.status !== "open") && key(h("b", { class: "gap" }, "×"), "no Φ"),
    has((gap) => gap.status === "open") && key(h("b", {}, "●"), "waiting for Φ"),
    (groups.some(({ sparse }) => sparse.length) || lines.some(({ curve }) => !curve.surveyed && curve.sparse.length)) &&
      key(h("b", { class: "gap" }, "○"), "low coverage"),
  ];
  return [...made, ...others, ...notes.filter((note) => note instanceof HTMLElement)];
}
