// The rows of an index as the lines of a chart.
import type { IndexRow, RunIndex } from "../data/types";
import { epochName } from "./format";

export interface Curve {
  layer: string;
  epochs: number[];
  /** Whether Φ of the layer is known: the mean over groups of its units. */
  surveyed: boolean;
  /** Whether that is the mean over several groups, in any epoch, and not that of a single one. */
  grouped: boolean;
  /** Whether the line of a run without surveys is a mean over several states, and no single Φ. */
  averaged: boolean;
  /** Φ of the layer; of a run without surveys the mean over the states of its one group. */
  line: (number | null)[];
  /** The band around the line: the 90 % interval; of a run without surveys the line itself and the largest Φ of a state. */
  low: (number | null)[];
  high: (number | null)[];
  /** Φ of the shown group in its first state. */
  phi: (number | null)[];
  /** Of each epoch the state that `phi` is of; empty where there is none. */
  states: string[];
  nullUpper: (number | null)[];
  /** Where Φ of the shown group is of another state than in the epoch before. */
  changes: { epoch: number; phi: number; from: string; to: string }[];
  /** The epochs with which a command changed which units are watched: what is before and after is of other units, and not joined. */
  breaks: number[];
  /** Epochs without a number, and why. */
  gaps: { epoch: number; status: string; reason: string }[];
  /** Epochs whose Φ comes from the prior too, as so few states were visited, and the share that was. */
  sparse: { epoch: number; phi: number; coverage: number }[];
  /** How many runs the line is the mean of, of each epoch; null where it is of one run. */
  runs: number[] | null;
}

/** What a curve is of: Φ (or φ_s); of IIT 4.0 also the share of the visits with φ_s > 0, and the mean signed φ_s. */
export type Measure = "phi" | "share" | "signed";

/** Below this share of visited states a Φ is marked, as in the report. */
export const ENOUGH_COVERAGE = 0.75;

export function layersOf(index: RunIndex): string[] {
  return [...new Set([...index.rows, ...index.steps].map((row) => row.layer))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
}

const MOST_PLOTTED = 8;

/** The kind of each layer's numbers, as the first epoch that has one says it. */
export const kindsOf = (index: RunIndex | null | undefined): Map<string, string> =>
  new Map((index?.rows ?? []).flatMap(({ layer, kind }): [string, string][] => (kind ? [[layer, kind]] : [])).reverse());

/** Whether the numbers of two kinds may stand on one axis; a kind that is not known is no other one. */
export const isSameKind = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || one === other;

/** The curves that are plotted: the first ones, with that of the shown layer in any case. */
export function plotted(all: readonly Curve[], layer: string | null): Curve[] {
  const first = all.slice(0, MOST_PLOTTED);
  const shown = all.find((curve) => curve.layer === layer);
  return shown && !first.includes(shown) ? [...first.slice(0, -1), shown] : first;
}

/**
 * The stretches of neighbouring epochs that all have a band, by their places: there is none between epochs of which one has none, nor
 * from the epochs of some units to those of others.
 */
export function bandStretches({ epochs, low, high, breaks }: Pick<Curve, "epochs" | "low" | "high" | "breaks">): number[][] {
  const stretches: number[][] = [];
  epochs.forEach((epoch, at) => {
    if (low[at] == null || high[at] == null) return;
    const last = stretches[stretches.length - 1];
    if (last?.[last.length - 1] === at - 1 && !breaks.includes(epoch)) last.push(at);
    else stretches.push([at]);
  });
  return stretches.filter(({ length }) => length > 1);
}

/** Whether there is a band to be seen between two neighbouring epochs. */
export const hasBand = (curve: Curve): boolean =>
  bandStretches(curve).some((stretch) => stretch.some((at) => (curve.high[at] ?? 0) - (curve.line[at] ?? 0) > 1e-9));

/** An axis has at most so many ticks, and as few as `FEWEST` only where it has no room for more, or there are no more epochs. */
const MOST_TICKS = 10;
const FEWEST = 4;
const ROUND = [1, 2, 5];
const LESS_ROUND = [1, 2, 3, 4, 5, 6, 8];
/** How far the words of two ticks are from each other at least, in letters. */
const BETWEEN = 1.2;
const UNTRAINED = "untrained".length;

/**
 * Round epochs for an axis of so many pixels, whose words lie beside each other; the untrained network (-1) is the first of them.
 * `letter` is the width of a letter.
 */
export function epochTicks(first: number, last: number, width: number, letter = 6.4): number[] {
  const each = width / (last - first + 0.8);
  const letters = (epoch: number) => (epoch < 0 ? UNTRAINED : String(epoch).length);
  const areBeside = (a: number, b: number) => (b - a) * each >= ((letters(a) + letters(b)) / 2 + BETWEEN) * letter;
  const ticksOf = (step: number) => {
    const from = Math.ceil(Math.max(0, first) / step) * step;
    const ticks = Array.from({ length: Math.max(0, Math.floor((last - from) / step) + 1) }, (_, at) => from + at * step);
    return first < 0 ? [first, ...ticks.filter((tick) => tick - first >= step && areBeside(first, tick))] : ticks;
  };
  const haveRoom = (ticks: number[]) =>
    ticks.length <= MOST_TICKS && ticks.every((tick, at) => !at || areBeside(ticks[at - 1] as number, tick));
  const firstThatFits = (sizes: readonly number[]) => {
    for (let power = 1; power <= 1e9; power *= 10)
      for (const size of sizes) {
        const ticks = ticksOf(size * power);
        if (haveRoom(ticks)) return ticks;
      }
    return [first];
  };
  const round = firstThatFits(ROUND);
  return round.length < FEWEST ? firstThatFits(LESS_ROUND) : round;
}

/** In which state the single Φ of a curve is: the same in all epochs, or that of the epoch that is shown. */
export function stateWords({ epochs, states }: Pick<Curve, "epochs" | "states">, epoch: number | null): string {
  const known = [...new Set(states.filter(Boolean))];
  if (known.length < 2) return known[0] ?? "";
  const here = states[epochs.indexOf(epoch ?? Number.NaN)];
  return here ? `${here} at ${epochName(epoch as number)}` : "a different one at each epoch";
}

/** Why not each epoch has an interval. */
export const WHY_SOME = "the first and the last epoch have theirs before the others, which have one where there is time";

/** What the line of a curve is: Φ of the layer only where it is the mean over several groups of its units. */
export function subjectOf({ surveyed, grouped, averaged }: Curve, symbol: string): string {
  if (surveyed) return grouped ? `${symbol} of the layer` : `${symbol} of one group`;
  return averaged ? `Mean ${symbol} of the states` : symbol;
}

/** Of how many of the epochs with Φ of the layer the interval was computed. */
export function intervalsOf({ surveyed, line, high }: Curve): { have: number; of: number } {
  const of = line.flatMap((value, at) => (value === null ? [] : [at]));
  return { have: surveyed ? of.filter((at) => high[at] !== null).length : 0, of: of.length };
}

export function curves(index: RunIndex, epochs: readonly number[], measure: Measure = "phi"): Curve[] {
  const byLayer = new Map<string, Map<number, IndexRow>>();
  for (const row of index.rows) {
    const rows = byLayer.get(row.layer) ?? new Map<number, IndexRow>();
    rows.set(row.epoch, row);
    byLayer.set(row.layer, rows);
  }
  const all = layersOf(index).map((layer) => curve(layer, byLayer.get(layer) ?? new Map(), epochs));
  return measure === "phi" ? all : all.map((one) => ofMeasure(one, byLayer.get(one.layer) ?? new Map(), measure));
}

/** The same epochs and gaps with another number of the layer, which has no interval, null or shown group. */
function ofMeasure(curve: Curve, rows: Map<number, IndexRow>, measure: "share" | "signed"): Curve {
  const none = curve.epochs.map(() => null);
  const line = curve.epochs.map((epoch) => rows.get(epoch)?.[measure] ?? null);
  return { ...curve, line, low: none, high: none, phi: none, nullUpper: none, changes: [], sparse: [] };
}

function curve(layer: string, rows: Map<number, IndexRow>, epochs: readonly number[]): Curve {
  const surveyed = [...rows.values()].some((row) => row.phi_layer !== null);
  // The shown group may have no Φ where the layer has one.
  const known = (row: IndexRow) => row.status === "computed" || row.phi_layer !== null;
  const take = (pick: (row: IndexRow) => number | null) =>
    epochs.map((epoch) => {
      const row = rows.get(epoch);
      return row && known(row) ? pick(row) : null;
    });
  const gaps = [...rows.values()]
    .filter((row) => !known(row))
    .map((row) => ({ epoch: row.epoch, status: row.status, reason: row.reason }));
  const sparse = [...rows.values()].flatMap(({ epoch, status, phi, coverage }) =>
    status === "computed" && phi !== null && coverage !== null && coverage < ENOUGH_COVERAGE ? [{ epoch, phi, coverage }] : [],
  );
  const phi = take((row) => row.phi);
  const line = take((row) => (surveyed ? row.phi_layer : row.mean));
  return {
    layer,
    epochs: [...epochs],
    surveyed,
    grouped: [...rows.values()].some((row) => (row.groups ?? 0) > 1),
    averaged: !surveyed && line.some((value, at) => Math.abs((value ?? 0) - (phi[at] ?? 0)) > 1e-9),
    line,
    low: take((row) => (surveyed ? row.low : row.mean)),
    high: take((row) => (surveyed ? row.high : row.maximum)),
    phi,
    states: epochs.map((epoch) => rows.get(epoch)?.state ?? ""),
    nullUpper: take((row) => row.null_upper),
    changes: surveyed ? changesOf(rows) : [],
    breaks: breaksOf(rows),
    gaps,
    sparse,
    runs: null,
  };
}

/**
 * The mean of the values around each, of so many epochs at most; what is no number stays none, and gaps are not filled. What is
 * before and after a break is of other units, and in no mean together.
 */
export function smoothed({ line, epochs, breaks }: Pick<Curve, "line" | "epochs" | "breaks">, many: number): (number | null)[] {
  const half = Math.floor(many / 2);
  if (!half) return [...line];
  const part = epochs.map((epoch) => breaks.filter((first) => first <= epoch).length);
  return line.map((value, at) => {
    if (value === null) return null;
    const around = line
      .map((one, other) => (Math.abs(other - at) <= half && part[other] === part[at] ? one : null))
      .filter((one) => one !== null);
    return around.reduce((sum, one) => sum + one, 0) / around.length;
  });
}

/** A point of the chart has at least so many pixels. */
const ROOM = 3;

/** How many epochs are one point, so that those between two ends have room in a chart; 1 where each has. */
export function epochsInPoint(curves: readonly Curve[], [first, last]: readonly [number, number], width: number): number {
  const many = curves.map(({ epochs }) => epochs.filter((epoch) => epoch >= first && epoch <= last).length);
  return Math.max(1, Math.ceil(Math.max(0, ...many) / Math.max(1, Math.floor(width / ROOM))));
}

/**
 * A curve in which each so many neighbouring epochs are one, at the middle one: their mean, and as its band the smallest and the
 * largest value of the line.
 */
export function thinned(curve: Curve, every: number, line: readonly (number | null)[] = curve.line): Curve {
  if (every <= 1) return { ...curve, line: [...line] };
  // A point never joins epochs of different units; the untrained network and the last epoch, which words name, stay as they are.
  const starts: number[] = [];
  curve.epochs.forEach((epoch, at) => {
    const last = starts[starts.length - 1];
    const isAlone = at === curve.epochs.length - 1 || (last !== undefined && (curve.epochs[last] as number) < 0);
    if (last === undefined || at - last >= every || isAlone || curve.breaks.includes(epoch)) starts.push(at);
  });
  const endOf = new Map(starts.map((from, at) => [from, starts[at + 1] ?? curve.epochs.length]));
  const known = (values: readonly (number | null)[], from: number) =>
    values.slice(from, endOf.get(from)).filter((value) => value !== null);
  const each = (values: readonly (number | null)[], take: (all: number[]) => number) =>
    starts.map((from) => {
      const all = known(values, from);
      return all.length ? take(all) : null;
    });
  const mean = (all: number[]) => all.reduce((sum, value) => sum + value, 0) / all.length;
  return {
    ...curve,
    epochs: starts.map((from) => curve.epochs[Math.min((endOf.get(from) as number) - 1, from + Math.floor(every / 2))] as number),
    line: each(line, mean),
    low: each(curve.line, (all) => Math.min(...all)),
    high: each(curve.line, (all) => Math.max(...all)),
    phi: each(curve.phi, mean),
    nullUpper: each(curve.nullUpper, mean),
    runs: null,
  };
}

/** Mean, smallest and largest Φ of a layer over runs, at the epochs of which two or more have one. Null where there are none. */
export function bandOf(indexes: readonly RunIndex[], layer: string, kind: string | null, measure: Measure = "phi"): Curve | null {
  const same = indexes.filter(({ rows }) => rows.some((row) => row.layer === layer && (kind === null || row.kind === kind)));
  const all = same.flatMap((index) => curves(index, epochsOf(index), measure).filter((one) => one.layer === layer));
  const known = new Map<number, number[]>();
  for (const { epochs, line } of all)
    epochs.forEach((epoch, at) => {
      const value = line[at] ?? null;
      if (value !== null) known.set(epoch, [...(known.get(epoch) ?? []), value]);
    });
  const found = [...known].filter(([, values]) => values.length > 1).sort(([a], [b]) => a - b);
  if (!found.length) return null;
  const none = found.map(() => null);
  return {
    layer,
    epochs: found.map(([epoch]) => epoch),
    surveyed: false,
    grouped: false,
    averaged: false,
    line: found.map(([, values]) => values.reduce((sum, value) => sum + value, 0) / values.length),
    low: found.map(([, values]) => Math.min(...values)),
    high: found.map(([, values]) => Math.max(...values)),
    phi: none,
    states: [],
    nullUpper: none,
    changes: [],
    breaks: [],
    gaps: [],
    sparse: [],
    runs: found.map(([, values]) => values.length),
  };
}

function changesOf(rows: Map<number, IndexRow>): Curve["changes"] {
  const computed = [...rows.values()].filter((row) => row.status === "computed").sort((a, b) => a.epoch - b.epoch);
  return computed.flatMap(({ epoch, phi, state }, at) => {
    const before = computed[at - 1]?.state;
    return before === undefined || before === state || phi === null ? [] : [{ epoch, phi, from: before, to: state }];
  });
}

function breaksOf(rows: Map<number, IndexRow>): number[] {
  const sorted = [...rows.values()].filter(({ status }) => status !== "corrupt").sort((a, b) => a.epoch - b.epoch);
  return sorted.flatMap(({ epoch, selection }, at) =>
    at > 0 && (sorted[at - 1]?.selection ?? 0) !== (selection ?? 0) ? [epoch] : [],
  );
}

/** All epochs of some runs, ascending. */
export function epochsOf(...indexes: (RunIndex | null | undefined)[]): number[] {
  const found = new Set<number>();
  for (const index of indexes) for (const row of index?.rows ?? []) found.add(row.epoch);
  for (const index of indexes) for (const row of index?.networks ?? []) found.add(row.epoch);
  return [...found].sort((a, b) => a - b);
}

/**
 * Values in which a gap begins right after the last value before it and ends right before the next one: places where a line has nothing
 * to say are undefined, and beside a gap they are part of it. Else a line would go on through them, towards a value that is not its own.
 */
export function gapped(values: readonly (number | null | undefined)[]): (number | null | undefined)[] {
  const found = [...values];
  for (const way of [1, -1])
    for (let at = way > 0 ? 0 : found.length - 1; at >= 0 && at < found.length; at += way)
      if (found[at] === undefined && found[at - way] === null) found[at] = null;
  return found;
}

/** The epoch at which a step lies, between those that the rows know, for metrics that are logged by step. */
export function epochAtStep(rows: readonly IndexRow[]): (step: number) => number | null {
  const known = [
    ...new Map(rows.filter((row) => row.status !== "corrupt").map((row) => [row.epoch, row.global_step])).entries(),
  ].sort((a, b) => a[0] - b[0]);
  return (step) => {
    if (!known.length) return null;
    let after = known.findIndex(([, at]) => at >= step);
    if (after === 0) return (known[0] as [number, number])[0];
    if (after < 0) after = known.length - 1;
    const [first, from] = known[after - 1] ?? (known[after] as [number, number]);
    const [second, to] = known[after] as [number, number];
    if (to <= from) return second;
    return Math.min(second + 1, first + ((second - first) * (step - from)) / (to - from));
  };
}
