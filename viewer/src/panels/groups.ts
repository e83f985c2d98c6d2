// The groups of units whose mean is Φ of the layer: a dot for each, its states on request, and all of them as a table.
import type { EpochRecord, Survey } from "../data/types";
import { fill, h, s } from "../dom";
import { placeGroups, RADIUS } from "../layout/groups";
import type { Tip } from "../parts/tip";
import { elementLabel } from "../scales/bits";
import { count, number, phiText } from "../scales/format";
import type { SurveyGroup } from "../scales/survey";
import { groupPhi } from "../scales/survey";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const [WIDTH, HEIGHT] = [400, 118];
const NONE = "This record has no survey: its Φ is that of one group of units.";

export function groupsPanel({ store, tip }: Context): Panel {
  const chart = h("div", {});
  const words = h("p", { class: "tpm-words" });
  const states = h("div", { class: "group-states" });
  const table = h("details", {}, h("summary", {}, "All groups as a table"));
  const rows = h("tbody");
  table.append(h("div", { class: "scroll" }, tableOf(["Units", "Mean Φ", "Visits × Φ of each state"], rows)));
  let chosen = 0;
  const draw = () => {
    const record = shownSide(store.state)?.record;
    const open = record?.result.status === "open";
    const survey = open ? null : record?.survey;
    const shown = [chart, states, table];
    for (const element of shown) element.hidden = !survey;
    words.textContent = survey ? wordsOf(survey) : open ? "Waiting for Φ." : NONE;
    if (!survey) return;
    chosen = Math.min(chosen, survey.groups.length - 1);
    const choose = (group: number) => {
      chosen = group;
      draw();
      chart.querySelector<SVGElement>(`[data-group="${group}"]`)?.focus();
    };
    fill(chart, dotsOf(survey, chosen, tip, choose));
    fill(states, ...statesOf(survey.groups[chosen], chosen));
    fill(rows, ...survey.groups.map(rowOf));
  };
  let before: EpochRecord | null | undefined;
  store.on(["a", "b", "shown"], (state) => {
    const record = shownSide(state)?.record;
    if (record === before) return;
    before = record;
    draw();
  });
  return { element: h("section", { class: "groups" }, words, chart, states, table) };
}

function wordsOf(survey: Survey): string {
  if (survey.phi === null) return "No group of units has a Φ.";
  const have = survey.groups.filter((group) => groupPhi(group) !== null).length;
  const none = survey.groups.length - have;
  return [
    `Φ of the layer is the mean over ${have} ${have === 1 ? "group" : "groups"} of its units; a group's Φ is the mean over`,
    `the states that were visited, by visits. Line: the mean; ${survey.low === null ? "" : "band: "}${survey.interval_words}.`,
    ...(none ? [`${none} more ${none === 1 ? "has" : "have"} no Φ.`] : []),
  ].join(" ");
}

function dotsOf(survey: Survey, chosen: number, tip: Tip, choose: (group: number) => void): SVGElement {
  const { dots, x, left, right, bottom, phi: most } = placeGroups(survey, WIDTH, HEIGHT);
  const marks = dots.map(({ group, phi, x: cx, y: cy }) => {
    const of = survey.groups[group] as SurveyGroup;
    const look = `dot ${group ? "" : "first"} ${group === chosen ? "chosen" : ""}`;
    const label = `${nameOf(of, group)}: Φ ${phiText(phi)}`;
    const mark = s("circle", { class: look, cx, cy, r: RADIUS, tabindex: 0, role: "button", "aria-label": label });
    mark.dataset.group = String(group);
    mark.dataset.phi = String(phi);
    tip.on(mark, nameOf(of, group), [
      ["mean Φ", phiText(phi)],
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
  const label = (at: number, anchor: string, text: string) => s("text", { x: at, y: bottom + 14, "text-anchor": anchor }, text);
  const { phi, low, high } = survey;
  const band =
    low === null || high === null
      ? null
      : s("rect", { class: "band", x: x(low), y: 4, width: Math.max(1, x(high) - x(low)), height: bottom - 4 });
  const mean = phi === null ? [] : [s("path", { class: "mean", d: `M${x(phi)} 4 V${bottom}` })];
  const far = phi !== null && x(phi) > left + 40 && x(phi) < right - 60;
  return s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": "Φ of each group of units" },
    band,
    ...mean,
    s("path", { class: "axis", d: `M${left} ${bottom} H${right}` }),
    label(left, "start", "0"),
    far ? label(x(phi), "middle", `mean ${phiText(phi)}`) : null,
    label(right, "end", `Φ ${number(most, 2)}`),
    ...marks,
  );
}

function statesOf(group: SurveyGroup | undefined, at: number): (Node | null)[] {
  if (!group) return [];
  const visits = group.visits.reduce((total, one) => total + one, 0);
  const order = group.states.map((_, index) => index).sort((a, b) => (group.visits[b] ?? 0) - (group.visits[a] ?? 0));
  const rows = order.map((index) =>
    h(
      "tr",
      {},
      h("td", { class: "bits" }, group.states[index]?.join("") ?? ""),
      h("td", {}, count(group.visits[index] ?? 0)),
      h("td", {}, `${number((100 * (group.visits[index] ?? 0)) / Math.max(1, visits), 2)} %`),
      h("td", {}, phiText(group.phis[index])),
    ),
  );
  const phi = groupPhi(group);
  return [
    h("h3", {}, nameOf(group, at), h("span", {}, phi === null ? ` · no Φ: ${group.reason}` : ` · mean Φ ${phiText(phi)}`)),
    rows.length ? h("div", { class: "scroll" }, tableOf(["State", "Visits", "Share", "Φ"], h("tbody", {}, ...rows))) : null,
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

const unitsOf = ({ units }: SurveyGroup): string => units.indices.map((_, element) => elementLabel(units, element)).join(" ");

const nameOf = (group: SurveyGroup, at: number): string => `Units ${unitsOf(group)}${at ? "" : ", shown in detail"}`;

const tableOf = (heads: string[], body: HTMLElement): HTMLElement =>
  h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))), body);
