// Measures of all units of the layer, which are statistics of its activity: a row for each measure, and the pairs of units as pictures.
import type { EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import { about } from "../parts/sheet";
import type { Tip } from "../parts/tip";
import type { Figure } from "../save/figure";
import { measuresCsv, measuresFigure, pairsCsv, pairsFigure, WHOLE_CAPTION } from "../save/whole";
import { channels } from "../scales/color";
import { diverging } from "../scales/comparison";
import { epochName, number } from "../scales/format";
import type { PairNumbers, Pairs, Whole, WholeMeasure, WholeValue } from "../scales/whole";
import {
  aboveNull,
  divisionWords,
  elementName,
  epochWords,
  isOutside,
  MEASURES,
  measuredWords,
  nullWords,
  outsideWords,
  pairMatrix,
  pairPlace,
  rowsOf,
  signed,
} from "../scales/whole";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const MOST_DROPPED = 10;

export function wholePanel({ store, tip }: Context): Panel {
  const words = h("p", { class: "tpm-words" });
  const body = h("div", { class: "whole-body" });
  const element = h("section", { class: "whole-layer" }, about("whole"), words, body);
  let before: Whole | null | undefined;
  store.on(["a", "b", "shown"], (state) => {
    const record = shownSide(state)?.record;
    const whole = record?.whole ?? null;
    if (whole === before) return;
    before = whole;
    element.classList.toggle("there", whole !== null);
    words.textContent = whole?.measures.length || whole?.pairs ? measuredWords(whole, record?.units?.width) : "";
    fill(body, ...(whole ? partsOf(whole, tip) : [h("p", {}, "No measure of all units was asked for in this record.")]));
  });
  return { element, figures: figuresOf(() => shownSide(store.state)?.record ?? null) };
}

function figuresOf(record: () => EpochRecord | null): Figure[] {
  const whole = () => record()?.whole as Whole;
  const title = (of: string) => `${of} of ${record()?.layer}, ${epochName(record()?.epoch ?? 0)}`;
  return [
    {
      name: "Measures of the whole layer",
      file: "whole-layer",
      kind: () => WHOLE_CAPTION,
      there: () => Boolean(record()?.whole?.measures.length),
      svg: () => measuresFigure(title("Measures of all units"), whole()),
      csv: () => measuresCsv(whole()),
    },
    {
      name: "Pairs of units",
      file: "pairs",
      kind: () => WHOLE_CAPTION,
      there: () => Boolean(record()?.whole?.pairs),
      svg: () => pairsFigure(title("Pairs of units"), whole().pairs as Pairs),
      csv: () => pairsCsv(whole().pairs as Pairs, whole().kind),
    },
  ];
}

function partsOf(whole: Whole, tip: Tip): HTMLElement[] {
  const kind = h(
    "p",
    { class: "whole-kind" },
    tip.term(h("b", { tabindex: 0 }, "statistical"), "statistical"),
    " – activity as it was watched, in nats: no perturbation, no causes, and not the Φ of IIT.",
  );
  const dropped = whole.dropped.slice(0, MOST_DROPPED).map(({ unit, reason }) => `Unit ${unit} was left out: ${reason}.`);
  const more = whole.dropped.length - dropped.length;
  const outside = outsideWords(whole.measures);
  const notes = [whole.refused, epochWords(whole), ...whole.notes, ...(whole.pairs?.notes ?? []), ...dropped].filter(Boolean);
  if (more > 0) notes.push(`${more} further units were left out.`);
  return [
    kind,
    ...(whole.measures.length
      ? [
          h(
            "div",
            { class: "whole-measures" },
            measuresOf(whole.measures),
            outside ? h("p", { class: "tpm-words" }, outside) : null,
          ),
        ]
      : []),
    ...(whole.pairs ? [pairsOf(whole.pairs, tip)] : []),
    ...(notes.length ? [h("ul", { class: "whole-notes" }, ...notes.map((note) => h("li", {}, note)))] : []),
  ];
}

function measuresOf(measures: readonly WholeMeasure[]): HTMLElement {
  const heads = ["Measure", "Above its null", "p", "As estimated"];
  const rows = measures.flatMap((measure) => {
    const { symbol, name } = MEASURES[measure.name];
    const how = `Division: ${divisionWords(measure)}. Null: ${nullWords(measure.minimum)}.`;
    return [
      h(
        "tr",
        { class: "whole-name" },
        h("th", { scope: "rowgroup", colspan: 4 }, h("b", {}, symbol), ` ${name}`, h("small", {}, how)),
      ),
      ...rowsOf(measure).map(([row, value]) => rowOf(row, value)),
    ];
  });
  const head = h("thead", {}, h("tr", {}, ...heads.map((one) => h("th", { scope: "col" }, one))));
  return h("div", { class: "scroll" }, h("table", { "aria-label": "Measures of all units" }, head, h("tbody", {}, ...rows)));
}

function rowOf(name: string, value: WholeValue): HTMLElement {
  const above = aboveNull(value);
  const cell = (...children: (Node | string | null)[]) => h("td", { class: "number" }, ...children);
  const range = above && value.interval ? `${signed(above.low)} to ${signed(above.high)}${isOutside(value) ? " *" : ""}` : "";
  return h(
    "tr",
    {},
    h("td", {}, name),
    cell(
      above ? h("b", {}, signed(above.value)) : "no null",
      range && value.interval ? h("small", {}, `${Math.round(value.interval.level * 100)} %: ${range}`) : null,
    ),
    cell(value.null ? number(value.null.p, 3) : "–"),
    cell(number(value.value, 3)),
  );
}

function pairsOf(pairs: Pairs, tip: Tip): HTMLElement {
  const drawn = pairs.surrogates ? `less the mean of ${pairs.surrogates} surrogates` : "no null, so bias is in these numbers";
  return h(
    "section",
    { class: "whole-pairs" },
    h("h3", {}, "Pairs of units: what two tell of their own future"),
    h(
      "p",
      { class: "tpm-words" },
      `ΦID by ${pairs.redundancy.toUpperCase()}, in nats, ${drawn}. Each square is a pair; each picture has its own scale.`,
    ),
    h("div", { class: "whole-matrices" }, ...pairs.numbers.map((numbers) => matrixOf(pairs, numbers, tip))),
  );
}

function matrixOf(pairs: Pairs, numbers: PairNumbers, tip: Tip): HTMLElement {
  const { name, rows, most, mean } = pairMatrix(pairs, numbers);
  const n = rows.length;
  const label = `${name} of ${pairs.elements.length} elements: mean ${signed(mean)} nats, from ${signed(-most)} to ${signed(most)} in colour`;
  const canvas = h("canvas", { width: n, height: n, role: "img", "aria-label": label, "data-name": name });
  const context = canvas.getContext("2d");
  if (context) {
    const image = context.createImageData(n, n);
    rows.forEach((row, y) => {
      row.forEach((value, x) => {
        const colour = channels(diverging(value, most)).map((part) => Math.round(part * 255));
        image.data.set([...colour, x === y ? 0 : 255], 4 * (y * n + x)); // a unit is no pair with itself
      });
    });
    context.putImageData(image, 0, 0);
  }
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [
      Math.min(n - 1, Math.floor(((event.clientX - box.left) / box.width) * n)),
      Math.min(n - 1, Math.floor(((event.clientY - box.top) / box.height) * n)),
    ];
    if (x < 0 || y < 0 || x === y) return tip.hide();
    const p = numbers.p[pairPlace(n, x, y)];
    const lines: [string, string][] = [[pairs.surrogates ? "above its null" : "as estimated", `${signed(rows[y]?.[x] ?? 0)} nats`]];
    if (p !== undefined) lines.push(["p of this pair by itself", number(p, 3)]);
    tip.show(event.clientX, event.clientY, `${name}: ${elementName(pairs, y)} and ${elementName(pairs, x)}`, lines);
  });
  canvas.addEventListener("mouseleave", () => tip.hide());
  const background = `linear-gradient(90deg, ${[-1, 0, 1].map((part) => diverging(part, 1)).join(", ")})`;
  const ends = h(
    "div",
    { class: "whole-scale" },
    h("span", {}, signed(-most)),
    h("i", { style: { background } }),
    h("span", {}, signed(most)),
  );
  const caption = h("figcaption", {}, h("b", {}, name), ` mean ${signed(mean)}`);
  return h("figure", {}, caption, canvas, ends);
}
