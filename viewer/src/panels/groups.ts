// The groups of units whose mean is Φ of the layer: a dot for each, its states on request, and all of them as a table.
import { unitsOf } from "../chips/chip";
import type { EpochRecord, Survey } from "../data/types";
import { fill, h, s } from "../dom";
import { EDGE, placeGroups, RADIUS } from "../layout/groups";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import type { Tip } from "../parts/tip";
import { groupsCsv } from "../save/csv";
import type { Figure } from "../save/figure";
import { inlined } from "../save/paper";
import { symbolOf, symbolWithUnit } from "../scales/formalism";
import { count, number, phiText } from "../scales/format";
import { shareText } from "../scales/iit4";
import { ofKind } from "../scales/kind";
import type { SurveyGroup } from "../scales/survey";
import { allVisits, groupPhi, groupPhis, groupShare, groupSigned, statesWords } from "../scales/survey";
import { shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const [WIDTH, HEIGHT] = [400, 140];
const NONE = "This record has no survey: its number is that of one group of units.";

export function groupsPanel({ store, tip }: Context): Panel {
  const chart = h("div", {});
  const words = h("p", { class: "tpm-words" });
  const states = h("div", { class: "group-states" });
  const table = h("details", {}, h("summary", {}, "All groups as a table"));
  const all = h("div", { class: "scroll" });
  table.append(all);
  oneTabStop(chart, ".dot");
  for (const holder of [states, all]) oneTabStop(holder, "tbody tr");
  let chosen = 0;
  const draw = () => {
    const record = shownSide(store.state)?.record;
    const open = record?.result.status === "open";
    const survey = open ? null : record?.survey;
    const shown = [chart, states, table];
    for (const element of shown) element.hidden = !survey;
    const formalism = record?.formalism ?? store.state.formalism;
    const [symbol, unit] = [symbolOf(formalism), symbolWithUnit(formalism)];
    words.textContent = survey ? wordsOf(survey, symbol, record?.kind) : open ? `Waiting for ${symbol}.` : NONE;
    if (!survey) return;
    chosen = Math.min(chosen, survey.groups.length - 1);
    const choose = (group: number) => {
      chosen = group;
      draw();
      chart.querySelector<SVGElement>(`[data-group="${group}"]`)?.focus();
    };
    fill(chart, dotsOf(survey, { symbol, unit }, chosen, tip, choose));
    fill(states, ...(record ? statesOf(record, chosen, symbol) : []));
    const heads = ["Units", `Mean ${symbol}`, `Visits × ${symbol} of each state`];
    fill(all, tableOf("All groups", heads, h("tbody", {}, ...survey.groups.map(rowOf))));
  };
  let before: EpochRecord | null | undefined;
  let of = "";
  store.on(["a", "b", "shown"], (state) => {
    const side = shownSide(state);
    if (side?.record === before) return;
    before = side?.record;
    const now = JSON.stringify([side?.run.id, before?.layer]);
    if (now !== of) chosen = 0;
    of = now;
    draw();
  });
  const survey = () => shownSide(store.state)?.record?.survey ?? null;
  const figures: Figure[] = [
    {
      name: "Groups of units",
      file: "groups",
      kind: () => shownKind(store.state),
      there: () => survey() !== null && !chart.hidden,
      svg: () => inlined(chart.querySelector("svg") as SVGSVGElement, words.textContent ?? ""),
      csv: () => groupsCsv(survey() as Survey, shownKind(store.state)),
    },
  ];
  return { element: h("section", { class: "groups" }, about("groups"), words, chart, states, table), figures };
}

function wordsOf(survey: Survey, symbol: string, kind: string | undefined): string {
  if (survey.phi === null) return survey.interval_words || `No group of units has a ${symbol}.`;
  const have = groupPhis(survey).length;
  const none = survey.groups.length - have;
  const drawn =
    survey.signed === null
      ? `Line: the mean; ${survey.low === null ? "" : "band: "}${survey.interval_words}.`
      : "Dots: mean signed φ_s of each group; line: their mean.";
  if (survey.groups.length === 1)
    return `${symbol} is that of one group of the layer's units${ofKind(kind)}: the mean over the states that were analysed, by visits. ${drawn}`;
  return [
    `${symbol} of the layer${ofKind(kind)} is the mean over ${have} ${have === 1 ? "group" : "groups"} of its units; a group's ${symbol} is the mean over`,
    `the states that were analysed, by visits. ${drawn}`,
    ...(none ? [`${none} more ${none === 1 ? "has" : "have"} no ${symbol}.`] : []),
  ].join(" ");
}

function dotsOf(
  survey: Survey,
  { symbol, unit }: { symbol: string; unit: string },
  chosen: number,
  tip: Tip,
  choose: (group: number) => void,
): SVGElement {
  const { dots, x, left, right, bottom, ticks } = placeGroups(survey, WIDTH, HEIGHT);
  const isSigned = survey.signed !== null;
  const marks = dots.map(({ group, x: cx, y: cy }) => {
    const of = survey.groups[group] as SurveyGroup;
    const phi = groupPhi(of);
    const look = `dot ${group ? "" : "first"} ${group === chosen ? "chosen" : ""}`;
    const label = `${nameOf(of, group)}: ${symbol} ${phiText(phi)}`;
    const mark = s("circle", { class: look, cx, cy, r: RADIUS, role: "button", "aria-label": label });
    mark.dataset.group = String(group);
    mark.dataset.phi = String(phi);
    tip.on(mark, nameOf(of, group), [
      [`mean ${symbol}`, phiText(phi)],
      ...signedLines(of),
      ["states visited", String(of.visits.filter(Boolean).length)],
    ]);
    mark.addEventListener("click", () => choose(group));
    mark.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      choose(group);
    });
    return mark;
  });
  const label = (at: number, y: number, anchor: string, text: string) => s("text", { x: at, y, "text-anchor": anchor }, text);
  const { low, high } = survey;
  const { top } = EDGE;
  const middle = isSigned ? survey.signed : survey.phi;
  const band =
    isSigned || low === null || high === null
      ? null
      : s("rect", { class: "band", x: x(low), y: top, width: Math.max(1, x(high) - x(low)), height: bottom - top });
  const nameOfMean = (at: number) =>
    label(at, top - 4, at < left + 50 ? "start" : at > right - 50 ? "end" : "middle", `mean ${phiText(middle)}`);
  const mean = middle === null ? [] : [s("path", { class: "mean", d: `M${x(middle)} ${top} V${bottom}` }), nameOfMean(x(middle))];
  return s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${symbol} of each group of units` },
    band,
    ...mean,
    s("path", { class: "axis", d: `M${left} ${bottom} H${right}${ticks.map((tick) => ` M${x(tick)} ${bottom} v4`).join("")}` }),
    ...ticks.map((tick) => label(x(tick), bottom + 15, "middle", number(tick, 3))),
    label((left + right) / 2, bottom + 30, "middle", `Mean ${isSigned ? "signed " : ""}${unit} of a group of units`),
    ...marks,
  );
}

/** Of IIT 4.0 how often φ_s of a group is above 0, and its mean before it is set to at least 0. */
const signedLines = (group: SurveyGroup): [string, string][] =>
  group.signed.length
    ? [
        ["visits with φ_s > 0", shareText(groupShare(group))],
        ["mean signed φ_s", phiText(groupSigned(group))],
      ]
    : [];

function statesOf(record: EpochRecord, at: number, symbol: string): (Node | null)[] {
  const group = record.survey?.groups[at];
  if (!group) return [];
  const visits = allVisits(record, at);
  const order = group.states.map((_, index) => index).sort((a, b) => (group.visits[b] ?? 0) - (group.visits[a] ?? 0));
  const rows = order.map((index) =>
    h(
      "tr",
      {},
      h("td", { class: "bits" }, group.states[index]?.join("") ?? ""),
      h("td", {}, count(group.visits[index] ?? 0)),
      h("td", {}, `${number((100 * (group.visits[index] ?? 0)) / Math.max(1, visits), 2)} %`),
      h("td", {}, phiText(group.phis[index])),
      group.signed.length ? h("td", {}, phiText(group.signed[index])) : null,
    ),
  );
  const phi = groupPhi(group);
  const heads = ["State", "Visits", "Share of visits", symbol, ...(group.signed.length ? [`Signed ${symbol}`] : [])];
  return [
    h(
      "h3",
      {},
      nameOf(group, at),
      h(
        "span",
        {},
        phi === null ? ` · no ${symbol}: ${group.reason}` : ` · mean ${symbol} ${phiText(phi)} over ${statesWords(record, at)}`,
      ),
    ),
    rows.length ? h("div", { class: "scroll" }, tableOf(`States of ${nameOf(group, at)}`, heads, h("tbody", {}, ...rows))) : null,
  ];
}

function rowOf(group: SurveyGroup, at: number): HTMLElement {
  const phi = groupPhi(group);
  const states = group.states.flatMap((state, index) =>
    group.visits[index] ? [`${state.join("")}: ${count(group.visits[index])} × ${phiText(group.phis[index])}`] : [],
  );
  return h(
    "tr",
    {},
    h("td", { class: "units" }, unitsOf(group), at ? null : h("small", {}, "shown in detail")),
    h("td", {}, phiText(phi)),
    h("td", { class: "bits" }, phi === null ? group.reason : states.join(", ")),
  );
}

const nameOf = (group: SurveyGroup, at: number): string => `Units ${unitsOf(group)}${at ? "" : ", shown in detail"}`;

const tableOf = (name: string, heads: string[], body: HTMLElement): HTMLElement =>
  h("table", { "aria-label": name }, h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))), body);
