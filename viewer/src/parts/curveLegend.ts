// The legend of the curves: what is drawn, and nothing that is not.
import { h } from "../dom";
import { hasBand, intervalsOf, isSameKind, kindsOf, layersOf, stateWords, subjectOf, WHY_SOME } from "../scales/curve";
import { symbolOf } from "../scales/formalism";
import { epochName } from "../scales/format";
import { shortNames } from "../scales/names";
import type { AppState } from "../state/app";
import type { Line } from "./curveLine";
import { nameOfLine } from "./curveLine";
import { hasNull, isBeside } from "./marks";
import { metricsOf, nameOfMetric } from "./plot";

/** So many epochs with an interval are named. */
const MOST_NAMED = 8;

/** The legend of lines in which each `every` epochs are one point. */
export function legendOf(lines: readonly Line[], state: AppState, every: number, openOverview: () => void): HTMLElement[] {
  const metrics = state.metrics ? metricsOf(state) : [];
  const others = metrics.map((metric) => h("span", { class: "key" }, strokeOf(metric), nameOfMetric(metric, state.b !== null)));
  return [
    ...lines.map((line) => nameOf(line, lines, state)),
    ...notPlotted(lines, state, openOverview),
    ...others,
    ...saidOf(lines, state),
    ...marksOf(lines, state, every),
  ];
}

function nameOf({ run, curve, color }: Line, lines: readonly Line[], state: AppState): HTMLElement {
  if (run === "all") {
    const words = nameOfLine({ run, curve }, false);
    return h("span", { class: "key" }, strokeOf({ run, color }), words);
  }
  const short = shortNames(
    lines.map((line) => line.curve.layer),
    lines.length > 4 ? 16 : 26,
  );
  // Where a mean over groups stands beside Φ of one group, or of one state, the title cannot say what a line is.
  const subjects = new Set(lines.filter((line) => line.run !== "all").map((line) => subjectOf(line.curve, "Φ")));
  const subject = curve.grouped
    ? ", mean over groups"
    : curve.surveyed
      ? ", one group"
      : curve.averaged
        ? ", mean over states"
        : ", one state";
  const name = `${state.b ? `${run} · ` : ""}${short(curve.layer)}${subjects.size > 1 ? subject : ""}`;
  return h(
    "span",
    { class: `key ${curve.layer === state.layer ? "current" : ""}`, title: curve.layer },
    strokeOf({ run, color }),
    name,
  );
}

const strokeOf = ({ run, color }: { run: Line["run"]; color: string }): HTMLElement =>
  h("i", { class: run === "B" ? "stroke dashed" : "stroke", style: { background: color, color } });

/** What was done to the lines. */
function saidOf(lines: readonly Line[], { smooth, log }: AppState): HTMLElement[] {
  const hidden = log && lines.some(({ curve }) => curve.line.some((value) => value !== null && value <= 0));
  const words = [
    smooth > 1 ? `lines: running means of ${smooth} epochs; bands and marks as they are` : "",
    log ? `logarithmic axis${hidden ? ": values of 0 are not on it" : ""}` : "",
  ];
  return words.filter(Boolean).map((text) => h("span", { class: "key said-of" }, text));
}

const layersIn = (side: AppState["a"]): number => (side?.index ? layersOf(side.index).length : 0);

function notPlotted(lines: readonly Line[], state: AppState, openOverview: () => void): HTMLElement[] {
  const drawn = lines.filter(({ run }) => run !== "all").length;
  const many = state.b?.run.id === state.a?.run.id ? layersIn(state.a) : layersIn(state.a) + layersIn(state.b);
  if (many <= drawn) return [];
  const rest = many - drawn === 1 ? "1 more layer is not drawn here" : `${many - drawn} more layers are not drawn here`;
  const kind = kindsOf(state.a?.index).get(state.layer ?? "");
  const apart = [state.a?.index, ...(state.b?.run.id === state.a?.run.id ? [] : [state.b?.index])].flatMap((index) =>
    [...kindsOf(index).values()].filter((other) => !isSameKind(other, kind)),
  ).length;
  const why = apart === 0 ? "" : many - drawn === apart ? ": of another kind" : `, ${apart} of another kind`;
  const button = h("button", { type: "button", class: "link" }, `${rest}${why}`);
  button.addEventListener("click", openOverview);
  return [button];
}

function marksOf(lines: readonly Line[], state: AppState, every: number): HTMLElement[] {
  const symbol = symbolOf(state.formalism);
  const shown = lines.filter((line) => line.curve.layer === state.layer && line.run !== "all");
  const beside = shown.filter((line) => isBeside(line, state));
  const gaps = lines.flatMap((line) => line.curve.gaps);
  const single = lines
    .filter((line) => line.run !== "all")
    .filter((line) => isBeside(line, state) || !(line.curve.surveyed || line.curve.averaged));
  // In the colour in which they are drawn, where that is one.
  const color = shown.length === 1 ? (shown[0]?.color ?? "") : "";
  const inColor = (kind: string) => () => h("i", { class: kind, ...(color ? { style: { color } } : {}) });
  const keys: [boolean, () => HTMLElement, string, string?][] = [
    [
      every > 1 && shown.some(({ curve }) => curve.line.some((value) => value !== null)),
      inColor("band"),
      `smallest to largest of ${every} epochs, the line: their mean`,
    ],
    [
      every === 1 && shown.some(({ curve }) => curve.surveyed && curve.high.some((value) => value !== null)),
      inColor("whisker"),
      intervalWords(shown),
      intervalTip(shown),
    ],
    [beside.some(({ curve }) => curve.surveyed), () => h("i", { class: "stroke thin" }), `shown group${inState(beside, state)}`],
    [
      beside.some(({ curve }) => curve.averaged),
      () => h("i", { class: "stroke thin" }),
      `${symbol} of the most visited state${inState(beside, state)}`,
    ],
    [beside.some(({ curve }) => curve.changes.length > 0), () => h("b", {}, "■"), "its state changed"],
    [shown.some(({ curve }) => curve.breaks.length > 0), () => h("b", {}, "┊"), "from here on other units"],
    [every === 1 && shown.some(({ curve }) => !curve.surveyed && hasBand(curve)), inColor("band"), "mean to maximum over states"],
    [shown.some((line) => hasNull(line, state)), () => h("b", {}, "–"), nullWords(shown)],
    [gaps.some(({ status }) => status !== "open"), () => h("b", { class: "gap" }, "×"), `no ${symbol}`],
    [gaps.some(({ status }) => status === "open"), () => h("b", {}, "●"), `waiting for ${symbol}`],
    [single.some(({ curve }) => curve.sparse.length > 0), () => h("b", { class: "gap" }, "○"), "low coverage"],
  ];
  return keys.flatMap(([drawn, mark, text, title]) =>
    drawn ? [h("span", { class: "key", ...(title ? { title } : {}) }, mark(), text)] : [],
  );
}

/** In which state the single Φ is, or of two runs each. */
function inState(lines: readonly Line[], { epoch, against, b }: AppState): string {
  const words = lines.map(({ run, curve }) => {
    const said = stateWords(curve, run === "B" ? (against ?? epoch) : epoch);
    return b && said ? `${run}: ${said}` : said;
  });
  const known = [...new Set(words.filter(Boolean))];
  return known.length ? ` (${known.join("; ")})` : "";
}

function intervalWords(shown: readonly Line[]): string {
  const all = shown.map(({ run, curve }) => ({ run, ...intervalsOf(curve) })).filter(({ have }) => have > 0);
  if (all.every(({ have, of }) => have === of)) return "90 % interval";
  const words = all.map(({ run, have, of }) => `${all.length > 1 ? `of ${run} ` : ""}at ${have} of ${of} epochs`);
  return `90 % interval (${words.join(", ")})`;
}

/** At which epochs, and why not at all; empty where each has one. */
function intervalTip(shown: readonly Line[]): string {
  const isWhole = shown.every(({ curve }) => intervalsOf(curve).have === intervalsOf(curve).of);
  const known = shown.flatMap(({ curve }) => curve.epochs.filter((_, at) => curve.line[at] !== null && curve.high[at] !== null));
  const named = [...new Set(known)].sort((a, b) => a - b).map(epochName);
  const where = named.length > MOST_NAMED ? `${named.length} epochs` : named.join(", ");
  return isWhole ? "" : `Computed of: ${where}. An interval takes many more analyses than Φ: ${WHY_SOME}.`;
}

/** Of which Φ the null is that is drawn. */
function nullWords(shown: readonly Line[]): string {
  if (shown.some(({ curve }) => curve.surveyed)) return "what chance reaches (null of the shown group)";
  return shown.some(({ curve }) => curve.averaged)
    ? "what chance reaches (null of the most visited state)"
    : "what chance reaches (null)";
}
