// Two runs, or two epochs, beside each other: partitions, the difference of the TPMs, and the mechanisms of both in one table.
import type { EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import { about } from "../parts/sheet";
import { systemPicture } from "../parts/systemPicture";
import { csv } from "../save/csv";
import type { Figure } from "../save/figure";
import { inlined } from "../save/paper";
import { tableFigure } from "../save/table";
import { matrixFigure } from "../save/tpm";
import { lettersOf } from "../scales/bits";
import type { Joined, Remarks } from "../scales/comparison";
import { diverging, joined, phisOf, remarks, sharedState, tpmDifference } from "../scales/comparison";
import { isIIT4, symbolOf } from "../scales/formalism";
import { epochName, phiText } from "../scales/format";
import { ofKind } from "../scales/kind";
import type { Analysis } from "../state/analysis";
import { analysesOf, placeOf, resultOf } from "../state/analysis";
import type { AppState, Side } from "../state/app";
import { epochOf } from "../state/app";
import type { Context, Panel } from "./panel";

interface Half {
  side: Side;
  record: EpochRecord;
  analysis: Analysis | null;
}

type Both = [Half, Half];

export function comparePanel(context: Context): Panel {
  const { store } = context;
  const words = h("p", { class: "tpm-words" });
  const halves = h("div", { class: "halves" });
  const difference = h("div", { class: "difference" });
  const table = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Mechanisms of A and B" });
  const title = h("h3", {});
  const element = h("section", { class: "compare" }, about("compare"), words, halves, title, table, difference);
  store.on(["a", "b", "against", "epoch", "wanted", "computations"], (state, before) => {
    const same =
      isSame(state.a, before.a) &&
      isSame(state.b, before.b) &&
      state.wanted === before.wanted &&
      state.computations === before.computations;
    if ((state !== before && same) || !state.b) return;
    const both = bothOf(state);
    const found = both && remarksOf(both);
    fill(halves, ...(["a", "b"] as const).map((which) => halfOf(context, which)));
    words.textContent = found ? [found.forbids, found.mechanisms, found.words].filter(Boolean).join(" ") : "";
    const isCompared = found !== null && !found.forbids;
    difference.hidden = !isCompared;
    for (const part of [title, table]) part.hidden = !isCompared || Boolean(found.mechanisms);
    title.textContent = `${isIIT4(state.formalism) ? "Distinctions" : "Concepts"} of both${ofKind(both?.[0].record.kind)}`;
    fill(table, table.hidden ? null : tableOf(both as Both, state.formalism));
    fill(difference, isCompared ? differenceOf(both as Both) : null);
  });
  return { element, figures: figuresOf(context, halves) };
}

/** Whether a side has the same record as before, or none for the same reason. */
const isSame = (now: Side | null, before: Side | null): boolean =>
  now?.record === before?.record && now?.recordProblem === before?.recordProblem;

function bothOf(state: AppState): Both | null {
  const [a, b] = [halfIn(state, "a"), halfIn(state, "b")];
  return a && b ? [a, b] : null;
}

const remarksOf = ([a, b]: Both): Remarks =>
  remarks({ a: a.record, b: b.record, states: [a.analysis?.state ?? null, b.analysis?.state ?? null] });

/** The record of a side in the state that a person chose, else in the first that both sides have, else in its own first. */
function halfIn(state: AppState, which: "a" | "b"): Half | null {
  const side = state[which];
  if (!side?.record) return null;
  const all = analysesOf({ ...state, shown: which });
  const [a, b] = [state.a?.record, state.b?.record];
  const isAlike = a && b && !remarks({ a, b, states: [null, null] }).forbids;
  const shared = isAlike && !state.wanted ? sharedState(...sidesOf(state)) : null;
  const place = shared ? all.findIndex((one) => one.state.join() === shared.join()) : placeOf(all, state.wanted);
  return { side, record: side.record, analysis: all[place] ?? null };
}

const sidesOf = (state: AppState): [Analysis[], Analysis[]] => [
  analysesOf({ ...state, shown: "a" }),
  analysesOf({ ...state, shown: "b" }),
];

function halfOf(context: Context, which: "a" | "b"): HTMLElement {
  const { state } = context.store;
  const half = halfIn(state, which);
  const epoch = epochOf(state, which);
  const name = `${which.toUpperCase()} · ${state[which]?.run.name ?? ""}${epoch === null ? "" : `, ${epochName(epoch)}`}`;
  const heading = h("h3", { class: `side-${which}` }, name);
  if (!half)
    return h("div", { class: "half" }, heading, h("p", { class: "empty-words" }, state[which]?.recordProblem || "Loading …"));
  const result = resultOf(half.record, half.analysis);
  const phi = result.status === "computed" || result.status === "computed_iit4" ? phiText(result.phi) : "–";
  const where = half.analysis ? ` in ${half.analysis.state.join("")}` : "";
  return h(
    "div",
    { class: "half", "data-side": which },
    heading,
    h("p", {}, `${symbolOf(half.record.formalism)}${where} = `, h("b", {}, phi), ofKind(half.record.kind)),
    systemPicture(context, half.record, half.analysis, which),
  );
}

/** The structure of a half in its state; a record holds that of its first state. */
const structureIn = ({ record, analysis }: Half) => (!analysis || analysis.first ? record.structure : null);

/** Says which of the two have no distinctions that could be compared (IIT 4.0); empty where both have. */
function lackingIn(both: Both): string {
  const names = both.flatMap((half, side) => (isIIT4(half.record.formalism) && !structureIn(half) ? ["AB"[side]] : []));
  if (!names.length) return "";
  return `Not compared: the record of ${names.join(" and that of ")} lacks the distinctions of this state.`;
}

const rowsOf = (both: Both): Joined[] => {
  if (lackingIn(both)) return [];
  const [first, second] = both.map((half) => phisOf(resultOf(half.record, half.analysis), structureIn(half)));
  return joined(first ?? [], second ?? []);
};

const apart = ({ a, b }: Joined): number | null => (a === null || b === null ? null : b - a);

function tableOf(both: Both, formalism: string): HTMLElement {
  const rows = rowsOf(both);
  const phi = isIIT4(formalism) ? "φ_d" : "φ";
  const heads = ["Mechanism", `${phi} in A`, `${phi} in B`, "B − A"].map((name) => h("th", { scope: "col" }, name));
  const lines = rows.map((row) => {
    const by = apart(row);
    const look = by === null || by === 0 ? "" : by < 0 ? "less" : "more";
    return h(
      "tr",
      {},
      h("td", { class: "units" }, lettersOf(row.mechanism)),
      h("td", { "data-a": row.a }, phiText(row.a)),
      h("td", { "data-b": row.b }, phiText(row.b)),
      h("td", { class: look, "data-difference": by }, signed(by)),
    );
  });
  const why = lackingIn(both) || "Neither has a mechanism with φ > 0.";
  const none = h("tr", {}, h("td", { colspan: 4, class: "empty-words" }, why));
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...(lines.length ? lines : [none])));
}

const signed = (value: number | null): string => (value !== null && value > 0 ? `+${phiText(value)}` : phiText(value));

function differenceFigure([a, b]: Both): SVGSVGElement | null {
  const found = tpmDifference(a.record.tpm, b.record.tpm);
  if (!found) return null;
  const { values, visited, most } = found;
  const color = (value: number) => diverging(value, most);
  const title = `P(ON next) of ${b.side.run.name}, ${epochName(b.record.epoch)}, less that of ${a.side.run.name}, ${epochName(a.record.epoch)}`;
  return matrixFigure({ title, values, visited, most, least: -most, color, form: "node", scale: "P(ON next), B − A" });
}

function differenceOf(both: Both): HTMLElement {
  const picture = differenceFigure(both);
  if (!picture) return h("p", { class: "empty-words" }, "One of the two holds no TPM.");
  const words = "Chance of being ON next, B less A. Hatched: states that one of the two never visited.";
  return h(
    "figure",
    {},
    h("h3", {}, `Transition probabilities, B − A${ofKind(both[0].record.kind)}`),
    picture,
    h("figcaption", { class: "tpm-words" }, words),
  );
}

function figuresOf({ store }: Context, halves: HTMLElement): Figure[] {
  const both = () => {
    const found = store.state.b ? bothOf(store.state) : null;
    return found && !remarksOf(found).forbids ? found : null;
  };
  const mechanisms = () => {
    const found = both();
    return found && !remarksOf(found).mechanisms ? found : null;
  };
  const rows = () => rowsOf(mechanisms() as Both);
  const text = ({ mechanism, a, b }: Joined) => [lettersOf(mechanism), phiText(a), phiText(b), signed(apart({ mechanism, a, b }))];
  return [
    ...(["a", "b"] as const).map((which): Figure => {
      const picture = () => halves.querySelector<SVGSVGElement>(`[data-side=${which}] svg`);
      return {
        name: `System of ${which.toUpperCase()}`,
        file: `system-${which}`,
        kind: () => store.state[which]?.record?.kind,
        there: () => store.state.b !== null && picture() !== null,
        svg: () => inlined(picture() as SVGSVGElement, halves.querySelector(`[data-side=${which}] h3`)?.textContent ?? ""),
      };
    }),
    {
      name: "Transition probabilities, B − A",
      file: "tpm-difference",
      kind: () => both()?.[0].record.kind,
      there: () => both()?.every(({ record }) => record.tpm) ?? false,
      svg: () => differenceFigure(both() as Both) as SVGSVGElement,
      csv: () => csv(tpmDifference(both()?.[0].record.tpm ?? null, both()?.[1].record.tpm ?? null)?.values ?? []),
    },
    {
      name: "Mechanisms of A and B",
      file: "mechanisms",
      kind: () => both()?.[0].record.kind,
      there: () => mechanisms() !== null && rows().length > 0,
      svg: () => tableFigure("Mechanisms of A and B", ["Mechanism", "#φ in A", "#φ in B", "#B − A"], rows().map(text)),
      csv: () =>
        csv([
          ["mechanism", "phi_a", "phi_b", "kind"],
          ...rows().map(({ mechanism, a, b }) => [lettersOf(mechanism), a, b, both()?.[0].record.kind]),
        ]),
    },
  ];
}
