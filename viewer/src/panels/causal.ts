// The units as a causal system: effective influences, the minimum-information partition, and the units' state.
import type { Cut, EpochRecord } from "../data/types";
import { fill, h, s } from "../dom";
import type { CausalLayout } from "../layout/causal";
import { arrowMiddle, arrowPath, loopPath, NODE, placeCausal } from "../layout/causal";
import { elementLabel, lettersOf, unitLetter } from "../scales/bits";
import { NEGATIVE, POSITIVE } from "../scales/color";
import { number, phiText } from "../scales/format";
import type { Influence } from "../scales/influence";
import { influences } from "../scales/influence";
import { isTied, tiesWords } from "../scales/ties";
import { analysedName, isShownLayer, resultOf, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const WIDTH = 440;
const FAINTEST = 0.03;

export function causalPanel(context: Context): Panel {
  const { store } = context;
  const states = h("div", { class: "states", role: "group", "aria-label": "Analysed states" });
  const graph = h("div", { class: "graph" });
  const words = h("p", { class: "cut-words" });
  store.on(["a", "b", "shown", "chosenState"], (state, before) => {
    const record = shownSide(state)?.record ?? null;
    if (state !== before && record === (shownSide(before)?.record ?? null) && state.chosenState === before.chosenState) return;
    fill(states, ...(record ? stateButtons(context, record, state.chosenState) : []));
    draw(context, graph, words, record, state.chosenState);
  });
  store.on(["lit", "unit", "a"], () => light(context, graph));
  return { element: h("div", { class: "units-panel" }, states, graph, words) };
}

function stateButtons({ controller }: Context, record: EpochRecord, chosen: number): HTMLElement[] {
  return record.states.map((analysed, at) => {
    const { result } = analysed;
    const button = h(
      "button",
      { type: "button", "aria-pressed": String(at === chosen), title: `visited ${analysed.visits} times` },
      h("span", { class: "bits" }, analysed.state.join("")),
      h("span", {}, result.status === "computed" ? phiText(result.phi) : result.status.replace("_", " ")),
    );
    button.addEventListener("click", () => controller.chooseState(at));
    return button;
  });
}

function draw(context: Context, graph: HTMLElement, words: HTMLElement, record: EpochRecord | null, chosen: number): void {
  if (!record) {
    fill(graph);
    fill(words);
    return;
  }
  const result = resultOf(record, chosen);
  const cut = result.status === "computed" ? result.cut : null;
  const n = record.units?.indices.length ?? record.tpm?.state_by_node[0]?.length ?? 0;
  if (!n) {
    fill(graph, h("p", { class: "empty-words" }, "The record holds no units."));
    fill(words);
    return;
  }
  const layout = placeCausal(n, cut, WIDTH, n > 5 ? 268 : 232);
  const strengths = record.tpm ? influences(record.tpm.state_by_node, record.tpm.visited) : [];
  fill(graph, picture(context, record, layout, strengths, cut, record.states[chosen]?.state ?? []));
  fill(words, ...cutWords(result, cut), ...complexWords(record));
  light(context, graph);
}

function cutWords(result: EpochRecord["result"], cut: Cut | null): (Node | string)[] {
  if (result.status !== "computed") return [result.reason];
  if (!cut) return [result.reason || "No partition was searched: Φ is 0."];
  const severed = `${lettersOf(cut.from_nodes)} → ${lettersOf(cut.to_nodes)}`;
  return [
    h("b", {}, "Minimum-information partition: "),
    "severing ",
    h("b", { class: "severed-words" }, severed),
    ` loses the least, Φ = ${phiText(result.phi)}. `,
    h(isTied(result) ? "b" : "span", {}, tiesWords(result)),
  ];
}

function complexWords({ major_complex: found }: EpochRecord): (Node | string)[] {
  return found?.nodes.length ? [" Double rings: the major complex, ", h("b", {}, lettersOf(found.nodes)), "."] : [];
}

function picture(
  context: Context,
  record: EpochRecord,
  layout: CausalLayout,
  strengths: Influence[][],
  cut: Cut | null,
  state: readonly number[],
): SVGElement {
  const { width, height } = layout;
  const [top, bottom] = extent(layout);
  const picture = s("svg", {
    viewBox: `0 ${top} ${width} ${bottom - top}`,
    class: "system",
    role: "group",
    "aria-label": "The analysed units and their influences",
  });
  picture.append(
    s(
      "defs",
      {},
      ...[
        ["on", POSITIVE],
        ["off", NEGATIVE],
      ].map(([name, color]) =>
        s(
          "marker",
          {
            id: `head-${name}`,
            viewBox: "0 0 8 8",
            refX: 5,
            refY: 4,
            markerWidth: 8,
            markerHeight: 8,
            orient: "auto",
            markerUnits: "userSpaceOnUse",
          },
          s("path", { d: "M0 0.6 L8 4 L0 7.4 z", fill: color as string }),
        ),
      ),
    ),
    ...layout.parts.map(({ x, y, radius }, at) =>
      s(
        "g",
        { class: `part part-${at}` },
        s("circle", { cx: x, cy: y, r: radius }),
        s("text", { x, y: y - radius - 6, "text-anchor": "middle" }, at === 0 ? "from" : "to"),
      ),
    ),
  );
  const severed = (i: number, j: number) => (cut?.from_nodes.includes(i) && cut.to_nodes.includes(j)) ?? false;
  const centre = (part: 0 | 1 | null) =>
    part === null ? { x: width / 2, y: height / 2 } : (layout.parts[part] as { x: number; y: number });
  const arrows: SVGElement[] = [];
  strengths.forEach((row, i) =>
    row.forEach((influence, j) => {
      if (influence.strength < FAINTEST || record.perturbation?.cm?.[i]?.[j] === 0) return;
      const [from, to] = [layout.places[i], layout.places[j]];
      if (!from || !to) return;
      const d = i === j ? loopPath(from, centre(from.part)) : arrowPath(from, to);
      arrows.push(arrow(context, influence, i, j, d, severed(i, j)));
      if (i !== j && severed(i, j)) arrows.push(cross(arrowMiddle(from, to)));
    }),
  );
  picture.append(...arrows, ...layout.places.map((place, at) => node(context, record, place, at, state[at])));
  return picture;
}

/** The rows that are drawn on, so that no room is left empty. */
function extent({ parts, places, height }: CausalLayout): [number, number] {
  if (!parts.length) return [0, height];
  const ends = [
    ...parts.map(({ y, radius }) => [y - radius - 20, y + radius + 14]),
    ...places.map(({ y }) => [y - NODE - 30, y + NODE + 24]),
  ];
  return [Math.min(...ends.map(([top]) => top as number)), Math.max(...ends.map(([, bottom]) => bottom as number))];
}

function arrow({ tip }: Context, influence: Influence, i: number, j: number, d: string, severed: boolean): SVGElement {
  const on = influence.mean >= 0;
  const line = s("path", {
    d,
    class: severed ? "influence severed" : "influence",
    stroke: on ? POSITIVE : NEGATIVE,
    "stroke-width": 0.8 + 5.2 * influence.strength,
    "stroke-opacity": 0.35 + 0.6 * Math.min(1, influence.strength * 1.6),
    "marker-end": `url(#head-${on ? "on" : "off"})`,
    "data-from": i,
    "data-to": j,
  });
  const lines: (string | [string, string])[] = [
    ["strength", number(influence.strength, 3)],
    ["mean effect", number(influence.mean, 3)],
    "Change in the chance of being ON next when the first unit goes from OFF to ON, over the states of the others.",
  ];
  if (severed) lines.push("Severed by the minimum-information partition.");
  line.addEventListener("mousemove", (event) =>
    tip.show(event.clientX, event.clientY, `${unitLetter(i)} → ${unitLetter(j)}`, lines),
  );
  line.addEventListener("mouseleave", () => tip.hide());
  return line;
}

const cross = ({ x, y }: { x: number; y: number }): SVGElement =>
  s("path", { class: "cross", d: `M${x - 3.5} ${y - 3.5} L${x + 3.5} ${y + 3.5} M${x + 3.5} ${y - 3.5} L${x - 3.5} ${y + 3.5}` });

function node(
  { store, controller, tip }: Context,
  record: EpochRecord,
  place: { x: number; y: number },
  at: number,
  bit: number | undefined,
): SVGElement {
  const index = record.units?.indices[at] ?? at;
  const upper = record.thresholds?.upper[at];
  const label = record.units ? elementLabel(record.units, at) : String(index);
  const group = s(
    "g",
    {
      class: `unit ${bit === 1 ? "on" : "off"}${record.major_complex?.nodes.includes(at) ? " major" : ""}`,
      "data-unit": at,
      tabindex: 0,
      role: "button",
      transform: `translate(${place.x} ${place.y})`,
      "aria-label": `Unit ${unitLetter(at)}, ${record.layer} unit ${label}, ${bit === 1 ? "ON" : "OFF"}`,
    },
    s("circle", { class: "complex", r: NODE + 2.6 }),
    s("circle", { class: "halo", r: NODE + 5 }),
    s("circle", { class: "body", r: NODE }),
    s("text", { class: "unit-letter", y: -1 }, unitLetter(at)),
    s("text", { class: "unit-index", y: 11 }, label),
  );
  const choose = () => {
    const side = shownSide(store.state);
    const layer = side?.network?.layers.find((known) => analysedName(known, side.index) === record.layer);
    controller.chooseUnit({ layer: layer?.name ?? record.layer, index });
  };
  group.addEventListener("click", choose);
  group.addEventListener("keydown", (event) => {
    if (event.key === "Enter") choose();
  });
  group.addEventListener("mousemove", (event) => {
    tip.show(event.clientX, event.clientY, `${unitLetter(at)} · ${record.layer} unit ${label}`, [
      ["state", bit === 1 ? "ON" : "OFF"],
      ["threshold", number(record.thresholds?.values[at])],
      ...(upper == null ? [] : ([["and not above", number(upper)]] as [string, string][])),
    ]);
  });
  group.addEventListener("mouseenter", () => store.set({ lit: { mechanism: [at], cause: [], effect: [] } }));
  group.addEventListener("mouseleave", () => {
    tip.hide();
    store.set({ lit: null });
  });
  return group;
}

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
