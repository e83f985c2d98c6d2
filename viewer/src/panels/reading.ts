// The number, and beside it what it means: kind, engine, null, transitions, coverage.
import type { EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import type { Tip } from "../parts/tip";
import { lettersOf } from "../scales/bits";
import { axisWords, count, epochName, kindWords, number, phiText, statusWords } from "../scales/format";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

export function reading({ store, controller, tip }: Context): Panel {
  const panel = h("section", { class: "reading", "aria-label": "Φ and what it means", "aria-live": "polite" });
  store.on(["a", "b", "shown", "epoch", "layer", "chosenState"], (state) => {
    const side = shownSide(state);
    const record = side?.record;
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
      const words = side?.recordProblem || (side ? "Loading …" : "");
      fill(panel, sides, h("div", { class: "value none" }, "Φ –"), h("p", { class: "reason" }, words));
      return;
    }
    fill(panel, sides, value(record, state.chosenState), ...chips(record, tip));
  });
  return { element: panel };
}

function value(record: EpochRecord, chosen: number): HTMLElement {
  const analysed = record.states[chosen];
  const result = analysed?.result ?? record.result;
  const where = h(
    "div",
    { class: "where" },
    h("b", {}, record.layer || "model"),
    h("span", {}, epochName(record.epoch), ` · step ${count(record.global_step)}`),
  );
  if (result.status !== "computed") {
    const said = result.status === "open" ? "Waiting for Φ. " : `No Φ: ${statusWords[result.status]}. `;
    const words = h("p", { class: result.status === "open" ? "reason waiting" : "reason" }, h("b", {}, said), result.reason);
    return h("div", { class: "value-group" }, h("div", { class: "value none" }, "Φ –"), where, words);
  }
  const state = analysed ? h("span", { class: "bits" }, analysed.state.join("")) : null;
  return h(
    "div",
    { class: "value-group" },
    h("div", { class: "value", "data-phi": result.phi }, h("i", {}, "Φ"), phiText(result.phi)),
    where,
    state ? h("div", { class: "where" }, h("span", {}, "in state"), state) : null,
  );
}

type ChipWords = [name: string, text: string, lines: (string | [string, string])[], mood?: string];

function chipOf(tip: Tip, ...[name, text, lines, mood = ""]: ChipWords): HTMLElement {
  const element = h("div", { class: `chip ${mood}`, tabindex: 0 }, h("span", {}, name), h("b", {}, text));
  tip.on(element, name, lines);
  return element;
}

/** Φ of the same layer by other choices: thresholds and groups of units. */
function others(record: EpochRecord, tip: Tip): HTMLElement[] {
  const range = (values: number[]) =>
    values.length ? `${phiText(Math.min(...values))} – ${phiText(Math.max(...values))}` : "no Φ";
  const made: HTMLElement[] = [];
  if (record.sensitivity.length) {
    const phis = record.sensitivity.flatMap(({ phi }) => (phi === null ? [] : [phi]));
    const lines = record.sensitivity.map(({ quantile, phi, reason }): [string, string] => [
      `quantile ${number(quantile)}`,
      phi === null ? reason || "no Φ" : phiText(phi),
    ]);
    made.push(
      chipOf(tip, "other thresholds", range(phis), [
        "Φ of the same state where a unit is ON above another quantile of its activations:",
        ...lines,
      ]),
    );
  }
  if (record.groups.length) {
    const phis = record.groups.flatMap(({ result }) => (result.status === "computed" ? [result.phi] : []));
    const lines = record.groups.map(({ units, result }): [string, string] => [
      `units ${units.indices.join(" ")}`,
      result.status === "computed" ? phiText(result.phi) : (statusWords[result.status] ?? result.status),
    ]);
    made.push(
      chipOf(tip, `${record.groups.length} groups of units`, range(phis), [
        "Random groups of the layer's units; the panels show the first.",
        ...lines,
      ]),
    );
  }
  return made;
}

function chips(record: EpochRecord, tip: Tip): HTMLElement[] {
  const made: HTMLElement[] = [];
  const chip = (...words: ChipWords) => void made.push(chipOf(tip, ...words));
  chip(
    "kind",
    record.kind,
    [kindWords[record.kind] ?? "", `Transitions go ${axisWords[record.axis] ?? record.axis}.`, ...structural(record)],
    record.kind,
  );
  const result = record.result;
  const engine = result.status === "computed" ? `${result.engine.name} ${result.engine.version}` : record.provenance.engine;
  chip("engine", engine, [
    record.formalism,
    ...(result.status === "computed" ? [timing(result.seconds, result.cuts_evaluated)] : []),
  ]);
  chip("null", nullText(record), nullLines(record), record.null ? (record.null.p <= 0.05 ? "good" : "warn") : "");
  if (record.major_complex) {
    const { nodes, result: found } = record.major_complex;
    const phi = found.status === "computed" ? `Φ ${phiText(found.phi)}` : statusWords[found.status];
    chip("major complex", nodes.length ? `${lettersOf(nodes)} · ${phi}` : `none · ${phi}`, [
      "The subset of the analysed units whose Φ is the largest, the others held as fixed background.",
      ...(found.reason ? [found.reason] : []),
    ]);
  }
  if (record.interval) {
    const { low, high, level, draws, words } = record.interval;
    chip("interval", `${phiText(low)} – ${phiText(high)}`, [
      ["level", `${number(100 * level, 3)} %`],
      ["draws from the posterior", String(draws)],
      ...(words ? [words] : []),
    ]);
  }
  made.push(...others(record, tip));
  if (record.counts && record.perturbation) {
    const { draws, background, observed, sequences } = record.perturbation;
    chip("set", `${count(draws)} × ${record.counts.visits.length} states`, [
      "Each state was set this often, and what followed in one step of the layer was read.",
      ["background", background],
      ...(sequences ? [["sequences of the backgrounds", count(sequences)] as [string, string]] : []),
      ["states observed, not set", count(observed.reduce((sum, visits) => sum + visits, 0))],
    ]);
  } else if (record.counts) {
    const transitions = record.counts.visits.reduce((sum, visits) => sum + visits, 0);
    const perState = transitions / record.counts.visits.length;
    chip(
      "transitions",
      count(transitions),
      [
        `${number(perState, 3)} for each possible state; below 100 coin flips too read a Φ clearly above 0.`,
        ["window", `${record.provenance.window} epoch(s)`],
      ],
      perState < 100 ? "warn" : "",
    );
  }
  if (record.tpm) {
    const visited = record.tpm.visited.filter(Boolean).length;
    const all = record.tpm.visited.length;
    chip(
      "coverage",
      `${visited}/${all} states`,
      [`Rows that were never visited hold the prior ${number(record.tpm.prior)} only.`],
      visited < all ? "warn" : "",
    );
  }
  const words = [...record.diagnostics.map((diagnostic) => diagnostic.words).filter(Boolean), ...record.notes];
  if (words.length) chip("notes", String(words.length), words);
  return made;
}

const structural = (record: EpochRecord): string[] =>
  record.structural_phi === null ? [] : [`Structural Φ is ${number(record.structural_phi)}: ${record.structural_reason}.`];

const timing = (seconds: number, cuts: number): string => `${number(seconds, 2)} s, ${count(cuts)} partitions evaluated`;

function nullText(record: EpochRecord): string {
  return record.null ? `p = ${number(record.null.p, 2)}, up to ${number(record.null.upper, 2)}` : "not computed";
}

function nullLines(record: EpochRecord): (string | [string, string])[] {
  if (!record.null) return ["No Φ of surrogate data was computed, so nothing is known of how much of this number is chance."];
  const { name, mean, upper, excess, surrogates } = record.null;
  return [
    ["null", name],
    ["surrogates", String(surrogates)],
    ["mean", phiText(mean)],
    ["upper", phiText(upper)],
    ["Φ above it by", number(excess)],
  ];
}
