// The units of a system, with their effective influences and the minimum-information partition.
import type { EpochRecord } from "../data/types";
import { h, s } from "../dom";
import type { CausalLayout } from "../layout/causal";
import { arrowPath, loopPath, NODE, placeCausal, severedPlace } from "../layout/causal";
import type { Box } from "../layout/labels";
import type { Partition } from "../layout/parts";
import { partitionOf } from "../layout/parts";
import type { Context } from "../panels/panel";
import { elementLabel, unitLetter } from "../scales/bits";
import { NEGATIVE, POSITIVE } from "../scales/color";
import { number } from "../scales/format";
import type { Influence } from "../scales/influence";
import { influences } from "../scales/influence";
import { arrowWords } from "../scales/kind";
import type { Analysis } from "../state/analysis";
import { resultOf } from "../state/analysis";
import { analysedName, shownSide } from "../state/app";

const WIDTH = 440;
const FAINTEST = 0.03;
/** Half the width of a part's name. */
const NAMED = 36;
/** A picture is at most so much larger than it is laid out. */
const LARGEST = 1.2;
/** So many parts have a colour of their own. */
const COLOURS = 6;

/** How many units a record has. */
export const unitCount = (record: EpochRecord): number => record.units?.indices.length ?? record.tpm?.state_by_node[0]?.length ?? 0;

/** The units of the major complex, which a record holds of its first state alone. */
export const complexOf = (record: EpochRecord, analysis: Analysis | null): readonly number[] =>
  !analysis || analysis.first ? (record.major_complex?.nodes ?? []) : [];

/**
 * The units of a record in one of its states, with their influences and the partition; empty where the record holds no units.
 * Each place of the page has arrow heads of its own: those of a hidden picture are not drawn in another.
 */
export function systemPicture(context: Context, record: EpochRecord, analysis: Analysis | null, place: string): SVGElement {
  const n = unitCount(record);
  const partition = partitionOf(resultOf(record, analysis), n);
  const layout = placeCausal(n, partition.parts, WIDTH, n > 5 ? 268 : 232);
  const strengths = record.tpm ? influences(record.tpm.state_by_node, record.tpm.visited) : [];
  return picture(context, record, layout, strengths, partition, analysis?.state ?? [], complexOf(record, analysis), place);
}

/** What the colours of the arrows mean, which are not those of weights, and which are left out; in low windows the sheet alone says so. */
export function arrowColours(graph: HTMLElement, kind: string): (Node | string)[] {
  const [does, more, less] =
    kind === "causal" ? ["makes", "likelier", "less likely"] : ["comes before", "more often", "less often"];
  const both = [
    { color: POSITIVE, words: `orange, ON ${does} ON ${more}` },
    { color: NEGATIVE, words: `blue, ON ${does} ON ${less}` },
  ];
  const found = both.filter(({ color }) => graph.querySelector(`.influence:not(.severed)[stroke="${color}"]`) !== null);
  const few = graph.querySelector("[data-weaker]") ? `influences below ${FAINTEST} are not drawn` : "";
  const said = (...words: (Node | string)[]) => [h("span", { class: "arrow-words" }, " Arrows: ", ...words, ".")];
  if (!found.length) return few ? said(few) : [];
  const named = found.flatMap(({ color, words }, at) => [
    at ? "; " : "",
    h("i", { class: "arrow-colour", style: { background: color } }),
    words,
  ]);
  return said(...named, few && `; ${few}`);
}

function picture(
  context: Context,
  record: EpochRecord,
  layout: CausalLayout,
  strengths: Influence[][],
  { parts, severed }: Partition,
  state: readonly number[],
  complex: readonly number[],
  place: string,
): SVGElement {
  const { width, height } = layout;
  const { left, top, right, bottom } = extent(layout);
  const picture = s("svg", {
    viewBox: `${left} ${top} ${right - left} ${bottom - top}`,
    class: layout.parts.length > 2 ? "system many" : "system",
    role: "group",
    "aria-label": "The analysed units and their influences",
  });
  picture.style.maxWidth = `${LARGEST * (right - left)}px`;
  picture.append(
    s(
      "defs",
      {},
      ...[
        ["on", POSITIVE],
        ["off", NEGATIVE],
        ["severed", "currentColor"],
      ].map(([name, color]) =>
        s(
          "marker",
          {
            id: `head-${name}-${place}`,
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
        {
          class: parts[at]?.background ? "part background" : `part part-${at % COLOURS}`,
          "data-nodes": parts[at]?.nodes.join(" "),
        },
        s("circle", { cx: x, cy: y, r: radius }),
        s("text", { x, y: y - radius - 6, "text-anchor": "middle" }, parts[at]?.name ?? ""),
      ),
    ),
  );
  const centre = (part: number | null) =>
    part === null ? { x: width / 2, y: height / 2 } : (layout.parts[part] as { x: number; y: number });
  const arrows: SVGElement[] = [];
  const marks: { x: number; y: number }[] = [];
  strengths.forEach((row, i) =>
    row.forEach((influence, j) => {
      if (record.perturbation?.cm?.[i]?.[j] === 0) return;
      // What the partition severs is drawn, however weak it is: the words beside the picture name it.
      if (influence.strength < FAINTEST && !severed(i, j)) {
        if (influence.strength > 0) picture.dataset.weaker = "";
        return;
      }
      const [from, to] = [layout.places[i], layout.places[j]];
      if (!from || !to) return;
      const others = layout.places.filter((_, at) => at !== i && at !== j);
      const d = i === j ? loopPath(from, centre(from.part)) : arrowPath(from, to, others);
      arrows.push(arrow(context, record.kind, influence, [i, j], d, severed(i, j), place));
      if (i !== j && severed(i, j)) {
        const mark = severedPlace(from, to, others, layout.parts, marks);
        marks.push(mark);
        arrows.push(cross(mark));
      }
    }),
  );
  picture.append(...arrows, ...layout.places.map((place, at) => node(context, record, place, at, state[at], complex.includes(at))));
  return picture;
}

/** What is drawn on, so that no room is left empty; a name is as wide as a unit with its loop at least. */
function extent({ parts, places, width, height }: CausalLayout): Box {
  if (!places.length) return { left: 0, top: 0, right: width, bottom: height };
  const boxes = [
    ...parts.map(({ x, y, radius }) => {
      const wide = Math.max(radius, NAMED);
      return { left: x - wide - 4, top: y - radius - 20, right: x + wide + 4, bottom: y + radius + 14 };
    }),
    ...places.map(({ x, y }) => ({ left: x - NODE - 26, top: y - NODE - 30, right: x + NODE + 26, bottom: y + NODE + 24 })),
  ];
  return {
    left: Math.min(...boxes.map(({ left }) => left)),
    top: Math.min(...boxes.map(({ top }) => top)),
    right: Math.max(...boxes.map(({ right }) => right)),
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
  };
}

function arrow(
  { tip }: Context,
  kind: string,
  influence: Influence,
  [i, j]: [number, number],
  d: string,
  severed: boolean,
  place: string,
): SVGElement {
  const on = influence.mean >= 0;
  const line = s("path", {
    d,
    class: severed ? "influence severed" : "influence",
    stroke: on ? POSITIVE : NEGATIVE,
    "stroke-width": i === j ? 0.8 + 2.4 * influence.strength : 0.8 + 5.2 * influence.strength,
    "stroke-opacity": 0.35 + 0.6 * Math.min(1, influence.strength * 1.6),
    "marker-end": `url(#head-${severed ? "severed" : on ? "on" : "off"}-${place})`,
    "data-from": i,
    "data-to": j,
  });
  const lines: (string | [string, string])[] = [
    ["strength", number(influence.strength, 3)],
    ["mean effect", number(influence.mean, 3)],
    "Change in the chance of being ON next when the first unit goes from OFF to ON, over the states of the others.",
    ...arrowWords(kind),
  ];
  if (severed) lines.push("Severed by the minimum partition.");
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
  major: boolean,
): SVGElement {
  const index = record.units?.indices[at] ?? at;
  const upper = record.thresholds?.upper[at];
  const label = record.units ? elementLabel(record.units, at) : String(index);
  const group = s(
    "g",
    {
      class: `unit ${bit === 1 ? "on" : "off"}${major ? " major" : ""}`,
      "data-unit": at,
      role: "button",
      transform: `translate(${place.x} ${place.y})`,
      "aria-label": `Unit ${unitLetter(at)} ${label} of ${record.layer}, ${bit === 1 ? "ON" : "OFF"}`,
    },
    s("circle", { class: "complex", r: NODE + 2.6 }),
    s("circle", { class: "halo", r: NODE + 5 }),
    s("circle", { class: "body", r: NODE }),
    s("text", { class: "unit-letter", y: -1 }, unitLetter(at)),
    " ",
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
