// The units as a system: the states in which they were analysed, and their influences and partition in the chosen one.
import { hasPhi } from "../data/results";
import type { EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import { partitionOf } from "../layout/parts";
import { folding } from "../parts/fold";
import { oneTabStop } from "../parts/oneTabStop";
import { partitionWords } from "../parts/partitionWords";
import { about } from "../parts/sheet";
import { arrowColours, complexOf, systemPicture, unitCount } from "../parts/systemPicture";
import type { Figure } from "../save/figure";
import { inlined } from "../save/paper";
import { lettersOf } from "../scales/bits";
import { formalismName, isIIT4, symbolOf } from "../scales/formalism";
import { count, epochName, number, phiText, statusWords } from "../scales/format";
import { systemName } from "../scales/kind";
import type { Analysis } from "../state/analysis";
import { analysesOf, analysisOf, isOtherAnalysis, resultOf } from "../state/analysis";
import type { AppState } from "../state/app";
import { isShownLayer, shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

export function causalPanel(context: Context): Panel {
  const { store } = context;
  const states = h("div", { class: "states", role: "group", "aria-label": "Analysed states" });
  const graph = h("div", { class: "graph" });
  const words = context.tip.term(h("p", { class: "cut-words", tabindex: 0 }), "cut");
  oneTabStop(states, "button");
  const fold = folding(states, "states");
  oneTabStop(graph, ".unit");
  store.on(["a", "b", "shown", "chosenState", "computations"], (state, before) => {
    if (!isOtherAnalysis(state, before)) return;
    fill(states, ...stateButtons(context, analysesOf(state), state));
    const side = shownSide(state);
    words.dataset.term = side?.record && isIIT4(side.record.formalism) ? "partition" : "cut";
    fold(`${side?.run.id}\n${state.layer}`);
    draw(context, graph, words, side?.record ?? null, analysisOf(state));
    words.hidden = !words.textContent; // no tab stop without words
  });
  store.on(["lit", "unit", "a"], () => light(context, graph));
  const picture = () => graph.querySelector("svg");
  const title = () => `${systemName(shownKind(store.state))}. ${words.textContent}`;
  const figures: Figure[] = [
    {
      name: "System",
      file: "system",
      kind: () => shownKind(store.state),
      there: () => picture() !== null,
      svg: () => inlined(picture() as SVGSVGElement, title()),
    },
  ];
  return { element: h("div", { class: "units-panel" }, about("causal"), states, graph, words), figures };
}

function stateButtons({ controller }: Context, analyses: readonly Analysis[], state: AppState): HTMLElement[] {
  const { chosenState: chosen, formalism } = state;
  const kind = shownKind(state);
  const what = `${symbolOf(formalism)} (${formalismName(formalism)}${kind ? `, ${kind}` : ""})`;
  return analyses.map(({ state, result, visits, computation }, at) => {
    const button = h(
      "button",
      {
        type: "button",
        "aria-pressed": String(at === chosen),
        title: `${what}, ${visits === null ? "computed on request" : `visited ${count(visits)} times`}`,
      },
      h("span", { class: "bits" }, state.join("")),
      h("span", {}, hasPhi(result) ? phiText(result.phi) : statusWords[result.status]),
    );
    button.addEventListener("click", () => controller.chooseState(at));
    if (!computation) return button;
    const { engine, seconds, phi } = computation.result;
    button.append(h("small", {}, `${epochName(computation.epoch)}, ${engine.name} ${engine.version}, ${number(seconds, 2)} s`));
    const remove = h("button", { type: "button", "aria-label": `Remove what was computed in ${state.join("")}` }, "×");
    remove.addEventListener("click", () => controller.removeComputation(computation));
    return h("span", { class: "computation", "data-computed": phi }, button, remove);
  });
}

function draw(
  context: Context,
  graph: HTMLElement,
  words: HTMLElement,
  record: EpochRecord | null,
  analysis: Analysis | null,
): void {
  if (!record) {
    fill(graph);
    fill(words);
    return;
  }
  const result = resultOf(record, analysis);
  const n = unitCount(record);
  if (!n) {
    fill(graph, h("p", { class: "empty-words" }, "The record holds no units."));
    fill(words);
    return;
  }
  fill(graph, systemPicture(context, record, analysis, "system"));
  const complex = complexWords(complexOf(record, analysis));
  fill(words, ...partitionWords(record.kind, result, partitionOf(result, n)), ...complex, ...arrowColours(graph, record.kind));
  light(context, graph);
}

const complexWords = (complex: readonly number[]): (Node | string)[] =>
  complex.length ? [" Double rings: the major complex, ", h("b", {}, lettersOf(complex)), "."] : [];

function light({ store }: Context, graph: HTMLElement): void {
  const { lit, unit } = store.state;
  const record = shownSide(store.state)?.record;
  for (const element of graph.querySelectorAll<SVGGElement>(".unit")) {
    const at = Number(element.dataset.unit);
    element.classList.toggle("mechanism", lit?.mechanism.includes(at) ?? false);
    element.classList.toggle("cause", lit?.cause.includes(at) ?? false);
    element.classList.toggle("effect", lit?.effect.includes(at) ?? false);
    element.classList.toggle(
      "chosen",
      unit !== null && record?.units?.indices[at] === unit.index && isShownLayer(store.state, unit.layer),
    );
  }
  graph.classList.toggle("lit", lit !== null);
}
