// The measures of a whole layer as a table and the pairs of its units as matrices, in the style of a paper, and both as numbers.
import { diverging } from "../scales/comparison";
import { number } from "../scales/format";
import type { PairNumbers, Pairs, Whole, WholeMeasure, WholeValue } from "../scales/whole";
import {
  aboveNull,
  divisionWords,
  isOutside,
  MEASURES,
  nullWords,
  outsideWords,
  pairMatrix,
  pairScale,
  rowsOf,
  signed,
} from "../scales/whole";
import { csv } from "./csv";
import { captioned, line, sheet, text, upright } from "./paper";
import { tableFigure } from "./table";
import { bar, cells } from "./tpm";

/** Stands below the pictures: of the whole layer "statistical" says nothing of connections. */
export const WHOLE_CAPTION = "statistical: activity as it was watched, in nats; no causes, and not the Φ of IIT";

const HEADS = ["Measure", "Division", "#Above its null", "#Interval, above the null", "#p", "#As estimated"];

/** A row for each measure at each of its divisions; below stand the divisions, the nulls, and why a value lies beside its interval. */
export function measuresFigure(title: string, { measures }: Whole): SVGSVGElement {
  const rows = measures.flatMap((measure) => rowsOf(measure).map(([row, value]) => tableRow(measure, row, value)));
  const notes = measures.map(
    (measure) => `Division of ${MEASURES[measure.name].symbol}: ${divisionWords(measure)}. Null: ${nullWords(measure.minimum)}.`,
  );
  const table = tableFigure(title, HEADS, rows);
  return [...notes, outsideWords(measures)].flatMap(linesOf).reduce(captioned, table);
}

/** Words in lines that are about as wide as the table. */
const linesOf = (words: string): string[] => words.match(/.{1,118}(?:\s|$)/gu) ?? [];

function tableRow({ name: measure }: WholeMeasure, division: string, value: WholeValue): string[] {
  const { symbol, name } = MEASURES[measure];
  const above = aboveNull(value);
  const ends = above && value.interval ? `${signed(above.low)} to ${signed(above.high)}` : "–";
  const level = value.interval && above ? ` (${Math.round(value.interval.level * 100)} %)${isOutside(value) ? " *" : ""}` : "";
  return [
    `${symbol}, ${name}`,
    division,
    above ? signed(above.value) : "no null",
    ends + level,
    value.null ? number(value.null.p, 3) : "–",
    number(value.value, 3),
  ];
}

const [SIDE, LEFT, TOP, BLOCK] = [140, 44, 30, 252];
const MOST_TICKS = 8;
/** So many colours on either side of 0: pairs of one colour are one path, so that many pairs are a small file. */
const STEPS = 100;

/** A matrix for each number of the pairs, each with its own scale. */
export function pairsFigure(title: string, pairs: Pairs): SVGSVGElement {
  const drawn = pairs.surrogates ? `less the mean of ${pairs.surrogates} surrogates` : "no null, so bias is in these numbers";
  const words = `ΦID by ${pairs.redundancy.toUpperCase()}, ${drawn}; each matrix has its own scale`;
  const blocks = pairs.numbers.flatMap((numbers, at) => matrix(pairs, numbers, BLOCK * at));
  const picture = sheet(BLOCK * Math.max(1, pairs.numbers.length), TOP + SIDE + 36, title, ...blocks);
  return captioned(picture, words);
}

function matrix(pairs: Pairs, numbers: PairNumbers, x: number): SVGElement[] {
  const { name, rows, most, mean } = pairMatrix(pairs, numbers);
  const size = SIDE / rows.length;
  const [left, right, bottom] = [x + LEFT, x + LEFT + SIDE, TOP + SIDE];
  const color = (value: number) => diverging(Math.round((value / most) * STEPS) / STEPS, 1);
  const { axis, names } = pairScale(pairs);
  const every = Math.ceil(names.length / MOST_TICKS);
  const ticks = names.map((tick, at) => ({ tick, middle: (at + 0.5) * size })).filter((_, at) => at % every === 0);
  // A unit is no pair with itself.
  const diagonal = rows.map((_, at) => `M${left + at * size} ${TOP + at * size}h${size}v${size}h${-size}z`).join("");
  return [
    text(left, 14, name, "start", { "font-weight": 700 }),
    text(left, 25, `mean ${signed(mean)}`),
    ...cells(rows, [], color, left, TOP, { width: size, height: size }),
    line(diagonal, { fill: "#ffffff", stroke: "none" }),
    line(`M${left} ${TOP} H${right} V${bottom} H${left} Z`),
    ...ticks.flatMap(({ tick, middle }) => [
      line(`M${left} ${TOP + middle} h-3 M${left + middle} ${bottom} v3`, { "stroke-width": 0.6 }),
      text(left - 5, TOP + middle + 3, tick, "end"),
      text(left + middle, bottom + 12, tick, "middle"),
    ]),
    text((left + right) / 2, bottom + 26, axis, "middle"),
    upright(x + 14, TOP + SIDE / 2, axis),
    ...bar(right + 12, TOP, (value) => diverging(value, most), -most, most, "nats"),
  ];
}

/** A row for each measure at each of its divisions, with those of the whole epoch; each number as the record has it. */
export function measuresCsv({ measures, epoch, samples, kind }: Whole): string {
  const heads = ["measure", "activity", "samples", "division", "search", "value", "null_mean", "above_null", "null_upper", "p"];
  const rows = measures.flatMap((one) => measureRows(one, "fixed weights", samples, kind));
  if (epoch?.measure) rows.push(...measureRows(epoch.measure, "whole epoch", epoch.samples, kind));
  return csv([[...heads, "surrogates", "null_method", "null_searched", "low", "high", "level", "kind"], ...rows]);
}

function measureRows(measure: WholeMeasure, activity: string, samples: number, kind: string) {
  const parted = measure.partition.map((part) => part.join(" ")).join(" | ");
  return [
    { division: parted, search: measure.search, value: measure.minimum },
    { division: "all apart", search: "", value: measure.atomic },
  ].map(({ division, search, value: { value, null: drawn, interval } }) => [
    measure.name,
    activity,
    samples,
    division,
    search,
    value,
    drawn?.mean,
    drawn && value - drawn.mean,
    drawn?.upper,
    drawn?.p,
    drawn?.surrogates,
    drawn?.method,
    drawn?.searched,
    interval?.low,
    interval?.high,
    interval?.level,
    kind,
  ]);
}

/** A row for each pair of each number; an element is named by its units. */
export function pairsCsv({ elements, redundancy, numbers }: Pairs, kind: string): string {
  const names = elements.map((units) => units.join(" "));
  const pairs = names.flatMap((first, at) => names.slice(at + 1).map((second) => [first, second]));
  const rows = numbers.flatMap(({ name, values, null_means: means, p }) =>
    pairs.map((pair, at) => [name, redundancy, ...pair, values[at], means[at], p[at], kind]),
  );
  return csv([["number", "redundancy", "first", "second", "value", "null_mean", "p", "kind"], ...rows]);
}
