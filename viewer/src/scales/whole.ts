// Measures of all units of a layer: what is above the null, and the pairs of units as a matrix.
import type { EpochRecord } from "../data/types";
import { count, number } from "./format";

export type Whole = NonNullable<EpochRecord["whole"]>;
export type WholeMeasure = Whole["measures"][number];
export type WholeValue = WholeMeasure["minimum"];
export type Pairs = NonNullable<Whole["pairs"]>;
export type PairNumbers = Pairs["numbers"][number];

export const MEASURES: Record<WholeMeasure["name"], { symbol: string; name: string }> = {
  total_correlation: { symbol: "MI1", name: "total correlation at one time" },
  total_correlation_pairs: { symbol: "MI", name: "total correlation of past and present" },
  stochastic_interaction: { symbol: "SI", name: "stochastic interaction" },
  phi_star: { symbol: "Φ*", name: "mismatched decoding" },
  phi_g: { symbol: "Φ_G", name: "geometric" },
};

const SEARCHES: Record<WholeMeasure["search"], string> = {
  exhaustive: "the smallest of all divisions",
  queyranne: "the smallest of all divisions (Queyranne)",
  heuristic: "a division found by search; a smaller one may exist",
  as_stochastic_interaction: "at the division of stochastic interaction; a smaller one may exist",
  given: "at the given division",
};

/** So many stretches of units are named. */
const MOST_RANGES = 8;

/** A value and the ends of its interval (the value itself where there is none), less the mean of its null; null without a null. */
export function aboveNull({ value, null: drawn, interval }: WholeValue): { value: number; low: number; high: number } | null {
  if (!drawn) return null;
  const [low, high] = interval ? [interval.low, interval.high] : [value, value];
  return { value: value - drawn.mean, low: low - drawn.mean, high: high - drawn.mean };
}

/** The two values of a measure with what they are called in its rows. */
export const rowsOf = ({ minimum, atomic }: WholeMeasure): [string, WholeValue][] => [
  ["at this division", minimum],
  ["all units apart", atomic],
];

export const isOutside = ({ value, interval }: WholeValue): boolean =>
  interval !== null && (value < interval.low || interval.high < value);

/** Why values lie outside of their own intervals, and which do; empty where none does. */
export function outsideWords(measures: readonly WholeMeasure[]): string {
  const found = measures.flatMap((measure) =>
    rowsOf(measure).flatMap(([row, value]) => {
      const bias = value.interval?.bias ?? 0;
      const moved = `${number(Math.abs(bias), 3)} ${bias < 0 ? "smaller" : "larger"}`;
      return isOutside(value) ? [`${MEASURES[measure.name].symbol} ${row} ${moved}`] : [];
    }),
  );
  if (!found.length) return "";
  return (
    "* A value may lie outside of its own interval: the ends are twice the value less the quantiles of resamples, so the interval " +
    `is corrected for the bias of resampling and the value is not. Resamples were on average, in nats: ${found.join(", ")}.`
  );
}

/** Which units of how many were measured, and why the others were not. */
function unitsWords({ units, dropped, elements }: Whole, width: number | null): string {
  const offered = units.length + dropped.length;
  const all = Math.max(offered, width ?? 0);
  const grouped = elements.length < units.length ? ` in ${count(elements.length)} groups` : "";
  const measured = `N = ${count(units.length)}${units.length < all ? ` of ${count(all)}` : ""} units${grouped}`;
  const reasons = new Map<string, number>();
  for (const { reason } of dropped) {
    const kind = reason.replace(/\d+(, \d+)*/g, "…"); // which unit it repeats is said below
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
  }
  const why = [...reasons].map(([reason, many]) => `${count(many)} left out: ${reason}`);
  if (all > offered) why.push(`${count(all - offered)} not drawn`);
  return measured + (why.length ? ` (${rangesOf(units)}; ${why.join("; ")})` : "");
}

/** Indices in ascending order, those that follow one another as a range; of many the first ones. */
function rangesOf(units: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const unit of units) {
    const last = ranges.at(-1);
    if (last && unit === last[1] + 1) last[1] = unit;
    else ranges.push([unit, unit]);
  }
  const named = ranges.slice(0, MOST_RANGES).map(([first, end]) => (first === end ? `${first}` : `${first} to ${end}`));
  return `measured: ${named.join(", ")}${ranges.length > MOST_RANGES ? ", …" : ""}`;
}

/** Which units stand against the others, and how this division was found. */
export function divisionWords({ partition, search }: WholeMeasure): string {
  const [small = [], large = []] = [...partition].sort((a, b) => a.length - b.length);
  const side = (part: readonly number[]) =>
    part.length > 6 ? `${part.length} units` : `${part.length === 1 ? "unit" : "units"} ${part.join(", ")}`;
  return `${side(small)} against ${large.length > 6 ? `the other ${large.length}` : side(large)}: ${SEARCHES[search]}`;
}

/** What was measured, in a sentence; the layer has `width` units, where that is known. */
export function measuredWords(whole: Whole, width: number | null = null): string {
  const ordered = whole.lag > 0;
  const samples = ordered
    ? `${count(whole.samples)} pairs of a past and a present in ${count(whole.sequences)} ${whole.sequences === 1 ? "sequence" : "sequences"}`
    : `${count(whole.samples)} samples without an order`;
  const effective =
    whole.effective_samples === null ? "" : `, worth ${count(Math.round(whole.effective_samples))} independent ones`;
  return `${unitsWords(whole, width)}; ${samples}${effective}.`;
}

/** MI1 of all samples of the epoch, in a sentence; empty where it was not asked for. */
export function epochWords({ epoch }: Whole): string {
  if (!epoch) return "";
  if (!epoch.measure) return epoch.refused;
  const { minimum, atomic } = epoch.measure;
  return (
    `MI1 of the whole epoch, ${count(epoch.samples)} samples while the weights changed: ${number(minimum.value, 3)} nats ` +
    `(${divisionWords(epoch.measure)}), ${number(atomic.value, 3)} nats with all units apart.`
  );
}

/** How a null was drawn, in words. */
export function nullWords({ null: drawn }: WholeValue): string {
  if (!drawn) return "no null";
  const how = {
    shifts: "parts shifted against each other",
    sequences: "parts of different sequences",
    samples: "parts of different samples",
  }[drawn.method];
  return `${drawn.surrogates} surrogates (${how}), ${drawn.searched ? "division searched anew" : "division held"}`;
}

export interface PairMatrix {
  name: PairNumbers["name"];
  /** Of each pair the value less the mean of its null; 0 on the diagonal. */
  rows: number[][];
  most: number;
  mean: number;
}

/** One number of all pairs as a symmetric matrix, less the means of the null where there is one. */
export function pairMatrix({ elements }: Pairs, numbers: PairNumbers): PairMatrix {
  const n = elements.length;
  const rows = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const values = numbers.values.map((value, at) => value - (numbers.null_means[at] ?? 0));
  let at = 0;
  for (let first = 0; first < n; first++)
    for (let second = first + 1; second < n; second++) {
      const value = values[at++] ?? 0;
      (rows[first] as number[])[second] = value;
      (rows[second] as number[])[first] = value;
    }
  const mean = values.reduce((total, value) => total + value, 0) / Math.max(1, values.length);
  return { name: numbers.name, rows, most: Math.max(1e-12, ...values.map(Math.abs)), mean };
}

/** Where a pair stands in the list of all pairs. */
export function pairPlace(n: number, a: number, b: number): number {
  const [first, second] = a < b ? [a, b] : [b, a];
  return first * n - (first * (first + 1)) / 2 + second - first - 1;
}

export const elementName = (pairs: Pairs, at: number): string => {
  const units = pairs.elements[at] ?? [];
  return units.length === 1 ? `unit ${units[0]}` : `group ${at} (${units.length} units)`;
};

/** What stands at the axes of a matrix of pairs: the index of each unit, or of groups their place. */
export function pairScale({ elements }: Pairs): { axis: string; names: string[] } {
  const isUnits = elements.every((units) => units.length === 1);
  return { axis: isUnits ? "Unit" : "Group", names: elements.map((units, at) => String(isUnits ? units[0] : at)) };
}

/** A difference with its sign, in nats. */
export const signed = (value: number, digits = 3): string => `${value > 0 ? "+" : ""}${number(value, digits)}`;
