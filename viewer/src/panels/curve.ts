// Φ over epochs: a line for each layer, gaps with their reasons, another run beside it, loss and accuracy on request.
import type uPlot from "uplot";
import type { RunIndex } from "../data/types";
import { fill, h } from "../dom";
import { chartMenu } from "../parts/chartMenu";
import { legendOf } from "../parts/curveLegend";
import type { Line } from "../parts/curveLine";
import { nameOfLine } from "../parts/curveLine";
import { MEASURES, makePlot } from "../parts/plot";
import { about } from "../parts/sheet";
import type { Place } from "../probe";
import { curveCsv } from "../save/csv";
import { curveFigure } from "../save/curve";
import type { Figure } from "../save/figure";
import { CATEGORIES, category, METRICS } from "../scales/color";
import { SEEDS, SIDES } from "../scales/comparison";
import type { Measure } from "../scales/curve";
import { bandOf, curves, epochsInPoint, epochsOf, isSameKind, kindsOf, plotted, smoothed, subjectOf } from "../scales/curve";
import { formalismName, indexOf, isIIT4, symbolOf, symbolWithUnit } from "../scales/formalism";
import { epochName } from "../scales/format";
import { ofKind } from "../scales/kind";
import type { AppState } from "../state/app";
import type { Context, Panel } from "./panel";

export function curvePanel(context: Context): Panel {
  const { store, controller } = context;
  const charts = h("div", { class: "charts" });
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
  const followLabel = h("label", { class: "check" }, follow, "follow newest");
  followLabel.hidden = !controller.live;
  const step = (by: number, text: string, name: string) => {
    const button = h("button", { class: "quiet small", type: "button", "aria-label": name }, text);
    button.addEventListener("click", () => controller.stepEpoch(by));
    return button;
  };
  let epochs: number[] = [];
  slider.addEventListener("input", () => {
    const epoch = epochs[Number(slider.value)];
    if (epoch !== undefined) void controller.goTo(epoch);
  });
  const shownLines = (measure: Measure) => {
    const { a, b, layer } = store.state;
    const other = b?.run.id === a?.run.id ? null : b?.index;
    const kind = kindsOf(a?.index).get(layer ?? "");
    const lines = [
      ...linesOf("A", a?.index, layer, measure, kind),
      ...linesOf("B", other, layer, measure, kind),
      ...seedLines(store.state, measure),
    ];
    // Of two runs the shown layer has the colours of the runs: those of layers would be the same twice.
    return other ? lines.map((line) => ({ ...line, color: sideColor(line, layer) })) : lines;
  };
  let plots: uPlot[] = [];
  let name = () => {};
  let size = "";
  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    const { a, b, formalism, layer } = store.state;
    epochs = epochsOf(a?.index, b?.index);
    const lines = shownLines("phi");
    title.textContent = titleOf(lines, formalism, kindsOf(a?.index).get(layer ?? ""));
    groupLabel.hidden = !lines.some((line) => line.curve.surveyed);
    slider.max = String(Math.max(0, epochs.length - 1));
    const measures = measuresOf(lines, formalism);
    const ends = store.state.zoom ?? [epochs[0] ?? 0, epochs.at(-1) ?? 0];
    const all = lines.map(({ curve }) => curve);
    const every = epochsInPoint(all, ends, charts.clientWidth / measures.length);
    name = () => fill(legend, ...legendOf(lines, store.state, every, () => store.set({ overview: true })));
    name();
    const places = measures.map((measure) =>
      h("div", { class: "chart", "data-measure": measure, role: "img", "aria-label": labelOf(measure, measures, formalism) }),
    );
    const named = places.map((chart, at) =>
      h("div", { class: "named-chart" }, h("h3", {}, MEASURES[measures[at] as Measure]), chart),
    );
    fill(charts, ...(places.length > 1 ? named : places));
    if (!lines.length) return;
    plots = places.flatMap((chart, at) => {
      const measure = measures[at] as Measure;
      return chart.clientWidth >= 40 ? [makePlot(context, chart, epochs, shownLines(measure), measure, every)] : [];
    });
  };
  const point = () => {
    const { epoch } = store.state;
    slider.value = String(Math.max(0, epochs.indexOf(epoch ?? Number.NaN)));
    slider.disabled = epochs.length < 2;
    where.textContent = epoch === null ? "" : epochName(epoch);
    follow.checked = store.state.follow;
    for (const plot of plots) plot.redraw(false);
  };
  const drawAnew = () => {
    draw();
    point();
  };
  store.on(["a", "b", "layer", "theme", "metrics", "group", "seeds", "log", "smooth", "zoom"], (state, before) => {
    const same =
      state.a?.index === before.a?.index &&
      state.b?.index === before.b?.index &&
      state.a?.scalars === before.a?.scalars &&
      state.b?.scalars === before.b?.scalars &&
      state.layer === before.layer &&
      state.theme === before.theme &&
      state.metrics === before.metrics &&
      state.group === before.group &&
      state.seeds === before.seeds &&
      state.log === before.log &&
      state.smooth === before.smooth &&
      state.zoom === before.zoom;
    if (state !== before && same) return;
    requestAnimationFrame(drawAnew);
  });
  store.on(["epoch", "follow", "against"], ({ a, b, epoch, against }, before) => {
    // It says in which state Φ is in the epoch that is shown; of another run all is drawn anew.
    const isSame = a?.index === before.a?.index && b?.index === before.b?.index;
    if (isSame && (epoch !== before.epoch || against !== before.against)) name();
    point();
  });
  new ResizeObserver(() => {
    const now = `${charts.clientWidth}x${charts.clientHeight}`;
    if (now === size) return;
    size = now;
    requestAnimationFrame(drawAnew);
  }).observe(charts);
  const place = (epoch: number, value: number, at = 0): Place | null => {
    const plot = plots[at];
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
      about("curve"),
      h("div", { class: "stepper" }, step(-1, "‹", "Epoch before"), slider, step(1, "›", "Epoch after"), where),
      h("div", { class: "checks" }, followLabel, groupLabel, h("label", { class: "check" }, metrics, "loss, accuracy")),
    ),
    charts,
    h("div", { class: "chart-foot" }, legend, chartMenu(context)),
  );
  const keys = { ArrowLeft: () => controller.stepEpoch(-1), ArrowRight: () => controller.stepEpoch(1) };
  const indexes = () => {
    const { a, b } = store.state;
    return [a, b].flatMap((side) => (side?.index ? [{ name: side.run.name, index: side.index }] : []));
  };
  const figure = (measure: Measure, file: string): Figure => ({
    name: measure === "phi" ? "Curve over epochs" : `Curve: ${MEASURES[measure]}`,
    file,
    kind: () => kindsOf(store.state.a?.index).get(store.state.layer ?? ""),
    there: () => measuresOf(shownLines("phi"), store.state.formalism).includes(measure) && shownLines(measure).length > 0,
    svg: () => {
      const { formalism, layer, b, smooth, log } = store.state;
      const lines = shownLines(measure).map(({ run, curve, color }) => ({
        name: nameOfLine({ run, curve }, b !== null),
        curve: { ...curve, line: smoothed(curve, smooth) },
        color,
        dashed: run === "B",
        banded: measure === "phi" && curve.layer === layer,
      }));
      const unit = measure === "phi" ? symbolWithUnit(formalism) : MEASURES[measure];
      const said = smooth > 1 ? `, running mean of ${smooth} epochs` : "";
      return curveFigure(title.textContent ?? "", `${unit}${said}`, lines, log && measure === "phi", `no ${symbolOf(formalism)}`);
    },
    ...(measure === "phi" ? { csv: () => curveCsv(indexes()) } : {}),
  });
  const figures = [figure("phi", "curve"), figure("share", "share"), figure("signed", "signed")];
  return { element, keys, probe: { chartPlace: place }, figures };
}

/** Φ of IIT 3.0 has one chart. φ_s of a layer is nearly 0, so its share above 0 and its signed mean stand beside it. */
const measuresOf = (lines: readonly Line[], formalism: string): Measure[] =>
  isIIT4(formalism) && lines.some(({ curve }) => curve.surveyed) ? ["share", "phi", "signed"] : ["phi"];

const labelOf = (measure: Measure, all: readonly Measure[], formalism: string): string =>
  `${all.length > 1 ? MEASURES[measure] : symbolOf(formalism)} over epochs; the slider above goes through them`;

/** The lines of a run: numbers of other kinds than that of the shown layer are on no axis with it. */
function linesOf(
  run: "A" | "B",
  index: RunIndex | null | undefined,
  layer: string | null,
  measure: Measure,
  kind: string | undefined,
): Line[] {
  if (!index) return [];
  const kinds = kindsOf(index);
  return plotted(curves(index, epochsOf(index), measure), layer)
    .map((curve, at) => ({ run, curve, color: category(at) }))
    .filter(({ curve }) => isSameKind(kinds.get(curve.layer), kind));
}

/** The band of all runs, of the layer and the kind that are shown. */
function seedLines({ seeds, layer, formalism, a }: AppState, measure: Measure): Line[] {
  if (!seeds || layer === null) return [];
  const kind = kindsOf(a?.index).get(layer) ?? null;
  const curve = bandOf(
    seeds.map(({ index }) => indexOf(index, formalism)),
    layer,
    kind,
    measure,
  );
  return curve ? [{ run: "all", curve, color: SEEDS }] : [];
}

function sideColor({ run, curve, color }: Line, layer: string | null): string {
  if (run === "all") return color;
  if (curve.layer === layer) return SIDES[run];
  const others = CATEGORIES.filter((one) => ![SIDES.A, SIDES.B, ...METRICS].some((taken) => taken === one));
  return others[CATEGORIES.indexOf(color as (typeof CATEGORIES)[number]) % others.length] as string;
}

/** What the lines are. */
function titleOf(lines: readonly Line[], formalism: string, kind: string | undefined): string {
  const symbol = symbolOf(formalism);
  const said = `over epochs, ${formalismName(formalism)}${ofKind(kind)}`;
  if (measuresOf(lines, formalism).length > 1) return `${symbol} ${said}`; // each chart has its name
  const subjects = new Set(lines.filter(({ run }) => run !== "all").map(({ curve }) => subjectOf(curve, symbol)));
  return `${subjects.size === 1 ? [...subjects][0] : symbol} ${said}`;
}
