// The answer in a sentence, the number, and beside it what it means: kind, engine, null, transitions, coverage.
import type { Chip } from "../chips/chip";
import { surveyOf } from "../chips/chip";
import { notes } from "../chips/notes";
import type { ChipSet } from "../chips/sets";
import { chipSets } from "../chips/sets";
import { hasPhi } from "../data/results";
import type { EpochRecord, RunIndex } from "../data/types";
import { fill, h } from "../dom";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import type { Tip } from "../parts/tip";
import { hasHiddenPieces, sentencesOf, settlePieces } from "../parts/wholePieces";
import type { Figure } from "../save/figure";
import { tableFigure } from "../save/table";
import { formalismName, isIIT4, symbolOf, symbolWithUnit } from "../scales/formalism";
import { count, epochName, phiText, statusWords } from "../scales/format";
import { termWords } from "../scales/glossary";
import { PHI_S, SHARE, SIGNED, shareText } from "../scales/iit4";
import { shortName } from "../scales/names";
import { analysedWords, ofVisits } from "../scales/survey";
import type { Analysis } from "../state/analysis";
import { analysisOf, resultOf } from "../state/analysis";
import type { AppState } from "../state/app";
import { epochOf, shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

export function reading({ store, controller, tip }: Context): Panel {
  // A window shows the first chips and as much of the sentences as it has room for, and the rest on request.
  const more = h("button", { type: "button", class: "link more", "aria-expanded": "false" }, "more");
  more.addEventListener("click", () => {
    const open = panel.classList.toggle("open");
    more.textContent = open ? "less" : "more";
    more.setAttribute("aria-expanded", String(open));
    settle();
  });
  const panel = h("section", { class: "reading", "aria-label": "The number and what it means", "aria-live": "polite" });
  const settle = () => {
    for (const words of panel.querySelectorAll<HTMLElement>(".change, .verdict, .notes ul")) settlePieces(words);
    more.classList.toggle("idle", !panel.classList.contains("open") && !isCut(panel));
  };
  new ResizeObserver(settle).observe(panel);
  const help = about("reading");
  oneTabStop(panel, ".chip");
  store.on(["a", "b", "shown", "formalism", "epoch", "against", "layer", "chosenState", "computations"], (state) => {
    const side = shownSide(state);
    const record = side?.record;
    const words = answersOf(state).map((answer) => h("p", { class: "change" }, ...sentencesOf(answer)));
    const sides = state.b
      ? h(
          "div",
          { class: "segments", role: "group", "aria-label": "Which run the panels show" },
          ...(["a", "b"] as const).map((which) => {
            const button = h("button", { type: "button", "aria-pressed": String(state.shown === which) }, which.toUpperCase());
            button.title = state[which]?.run.name ?? "";
            button.addEventListener("click", () => controller.showSide(which));
            return button;
          }),
        )
      : null;
    if (!record) {
      const problem = side?.recordProblem || (side ? "Loading …" : "");
      fill(
        panel,
        ...words,
        sides,
        h("div", { class: "value none" }, `${symbolOf(state.formalism)} –`),
        h("p", { class: "reason" }, problem),
      );
      return;
    }
    const analysis = analysisOf(state);
    const sets = chipSets(record, analysis);
    const of = state.b ? ` of ${state.shown.toUpperCase()}` : "";
    const group = surveyOf(record) && record.kind !== "statistical" && !isIIT4(record.formalism) ? " of the shown group" : "";
    const judged = [isJudged(record, analysis) ? verdictOf(side?.index ?? null, record, group + of) : null, notesOf(record, of)];
    const hasWords = judged.some((one) => one !== null);
    fill(
      panel,
      ...words,
      sides,
      state.b ? h("div", { class: "where" }, h("span", {}, state.shown.toUpperCase()), h("b", {}, side.run.name)) : null,
      value(record, analysis, tip),
      otherOf(state),
      help,
      h("div", { class: "chips" }, ...sets.map((set) => setOf(tip, set))),
      hasWords ? h("div", { class: "judged" }, ...judged, more) : more,
    );
    settle();
  });
  const record = () => shownSide(store.state)?.record ?? null;
  const rows = (of: EpochRecord) =>
    chipSets(of, analysisOf(store.state)).flatMap(({ title, chips }) => [
      ...(title ? [[...title]] : []),
      ...chips.map(({ name, text }) => [name, text]),
    ]);
  const figures: Figure[] = [
    {
      name: "The number and what it means",
      file: "reading",
      kind: () => shownKind(store.state),
      there: () => record() !== null,
      svg: () => {
        const of = record() as EpochRecord;
        const result = resultOf(of, analysisOf(store.state));
        const phi = of.survey?.phi ?? (hasPhi(result) ? result.phi : null);
        const heads = [symbolWithUnit(of.formalism), phiText(phi)];
        return tableFigure(`${of.layer}, ${epochName(of.epoch)}`, heads, [
          ["layer", of.layer],
          ["epoch", epochName(of.epoch)],
          ...rows(of),
        ]);
      },
    },
  ];
  return { element: panel, figures };
}

/** Whether training changed Φ of the layer; of two runs each is said with its letter. */
function answersOf(state: AppState): string[] {
  const found = (["a", "b"] as const).flatMap((which) => {
    const words = state[which]?.answers.find(({ layer }) => layer === state.layer)?.words;
    return words ? [{ which: which.toUpperCase(), words }] : [];
  });
  if (!state.b) return found.map(({ words }) => words);
  if (state.a?.run.id === state.b.run.id) return found.slice(0, 1).map(({ words }) => `A and B are of one run: ${words}`);
  return found.map(({ which, words }) => `${which}: ${words}`);
}

/** Beside the number of the side that is shown, that of the other side, with what both are of. */
function otherOf(state: AppState): HTMLElement | null {
  if (!state.b) return null;
  const which = state.shown === "a" ? "b" : "a";
  const [side, epoch] = [state[which], epochOf(state, which)];
  const record = side?.record;
  const phi = record && (record.survey?.phi ?? (hasPhi(record.result) ? record.result.phi : null));
  const mean = record?.survey?.share == null ? "" : "mean ";
  const name = [`${which.toUpperCase()} · ${side?.run.name ?? ""}`, epoch === null ? "" : epochName(epoch)].filter(Boolean);
  const number = record
    ? `${mean}${symbolOf(record.formalism)} ${phiText(phi ?? null)}, ${record.kind}`
    : side?.recordProblem || "Loading …";
  return h("div", { class: "where other-side" }, h("span", {}, name.join(", ")), h("b", {}, number));
}

/** Whether something of it is not seen: chips that are folded, or sentences. */
const isCut = (panel: HTMLElement): boolean =>
  [...panel.querySelectorAll(".chip.folds")].some((chip) => !chip.checkVisibility()) || hasHiddenPieces(panel);

const isWithoutPhi = (record: EpochRecord, analysis: Analysis | null): boolean =>
  (record.survey?.phi ?? null) === null && !hasPhi(resultOf(record, analysis));

/** Whether a verdict is shown: of other states there is none, and without a Φ it says what stands beside the name already. */
const isJudged = (record: EpochRecord, analysis: Analysis | null): boolean =>
  (!analysis || analysis.first) && !isWithoutPhi(record, analysis);

function value(record: EpochRecord, analysis: Analysis | null, tip: Tip): HTMLElement {
  const result = resultOf(record, analysis);
  const layer = record.survey?.phi ?? null;
  const symbol = symbolOf(record.formalism);
  const where = h(
    "div",
    { class: "where" },
    h("b", { title: record.layer }, shortName(record.layer || "model", 26)),
    h("span", {}, epochName(record.epoch), ` · step ${count(record.global_step)} · ${formalismName(record.formalism)}`),
  );
  if (isWithoutPhi(record, analysis)) {
    const open = result.status === "open";
    const said = open ? `Waiting for ${symbol}. ` : `No ${symbol}: ${statusWords[result.status]}. `;
    const warning = open ? "" : `That is not ${symbol} = 0. `;
    const words = h("p", { class: open ? "reason waiting" : "reason" }, h("b", {}, said), warning, result.reason);
    return h("div", { class: "value-group" }, h("div", { class: "value none" }, `${symbol} –`), where, words);
  }
  const phi = layer ?? (hasPhi(result) ? result.phi : null);
  const state = layer === null ? analysis?.state.join("") : undefined;
  const { share = null, signed = null } = layer === null ? {} : (record.survey ?? {});
  const over = layer === null ? "" : analysedWords(record);
  const plain = h("div", { class: "value", "data-phi": phi }, h("i", {}, symbol), phiText(phi));
  plain.tabIndex = 0;
  tip.term(plain, isIIT4(record.formalism) ? "φ_s" : "Φ");
  return h(
    "div",
    { class: "value-group" },
    ...(share === null ? [plain] : shareOf(record, share, phi, signed, tip)),
    where,
    over ? h("div", { class: "where" }, h("span", {}, "mean over"), h("b", {}, over)) : null,
    layer === null ? meanOf(record) : null,
    state
      ? h("div", { class: "where" }, tip.term(h("span", { tabindex: 0 }, "in state"), "state"), h("span", { class: "bits" }, state))
      : null,
  );
}

/** Of a record without a survey the mean over several states, which is the line of the chart. */
function meanOf({ scalars, states, formalism }: EpochRecord): HTMLElement | null {
  const mean = scalars.phi_mean ?? null;
  const name = `mean ${symbolOf(formalism)} of ${states.length} states`;
  return mean === null || states.length < 2 ? null : h("div", { class: "where" }, h("span", {}, name), h("b", {}, phiText(mean)));
}

/** Of IIT 4.0 the share of the visits with φ_s > 0 says more of a layer than the mean, which is nearly 0. */
function shareOf(record: EpochRecord, share: number, phi: number | null, signed: number | null, tip: Tip): HTMLElement[] {
  const average = mean("mean φ_s", phi, "phi");
  average.dataset.term = "φ_s";
  const all: [HTMLElement, string, string[]][] = [
    [
      h(
        "div",
        { class: "value", "data-share": share, tabindex: 0 },
        h("i", {}, "φ_s > 0"),
        shareText(share),
        h("small", {}, ofVisits(record)),
      ),
      "φ_s > 0",
      [SHARE],
    ],
    [
      average,
      "mean φ_s",
      ["The mean over the groups of units; of a group the mean over the states that were visited, by visits.", PHI_S],
    ],
    [mean("mean signed φ_s", signed, "signed"), "mean signed φ_s", [SIGNED]],
  ];
  for (const [element, title, lines] of all) tip.on(element, title, lines);
  return all.map(([element]) => element);
}

/** The sentences of the report on what may be concluded; they are about the record's own state. */
function verdictOf(index: RunIndex | null, { layer, epoch, step }: EpochRecord, of: string): HTMLElement | null {
  const rows = step === null ? index?.rows : index?.steps;
  const found = rows?.find((row) => row.layer === layer && row.epoch === epoch && row.step === step)?.verdict ?? "";
  const words = typeof found === "string" ? found : found.map((place) => index?.sentences[place] ?? "").join(" ");
  return words
    ? h("p", { class: "verdict" }, h("b", {}, `What may be concluded${of}. `), h("span", {}, ...sentencesOf(words)))
    : null;
}

function notesOf(record: EpochRecord, of: string): HTMLElement | null {
  const found = notes(record);
  if (!found.length) return null;
  const list = h("ul", { tabindex: 0, "aria-label": "Notes" }, ...found.map((note) => h("li", { "data-piece": "" }, note)));
  return h("div", { class: "notes" }, h("b", {}, `Notes${of} (${found.length})`), list);
}

const mean = (name: string, value: number | null, key: string): HTMLElement =>
  h("div", { class: "mean-value", [`data-${key}`]: value, tabindex: 0 }, h("span", {}, name), h("b", {}, phiText(value)));

/** So many chips of a set are seen in a small window before a person asks for the rest. */
const FEW = { layer: 2, group: 3, all: 6 };

function setOf(tip: Tip, { of, title, chips }: ChipSet): HTMLElement {
  const heading = title && h("div", { class: "chip-of" }, h("span", {}, title[0]), " ", h("b", {}, title[1]));
  const label = title ? { role: "group", "aria-label": title.join(", ") } : {};
  return h(
    "div",
    { class: "chip-set", "data-of": of, ...label },
    heading,
    ...chips.map((chip, at) => chipOf(tip, chip, at >= FEW[of])),
  );
}

function chipOf(tip: Tip, { name, text, lines, mood = "", term }: Chip, folds: boolean): HTMLElement {
  const look = `chip ${mood} ${folds ? "folds" : ""}`;
  const element = h("div", { class: look, "data-term": term }, h("span", {}, name), h("b", {}, text));
  tip.on(element, name, term ? [...lines, `${term}: ${termWords(term)}`] : lines);
  return element;
}
