// The rows of an index as the lines of a chart.
import type { IndexRow, RunIndex } from "../data/types";

export interface Curve {
  layer: string;
  epochs: number[];
  /** Whether Φ of the layer is known: the mean over groups of its units. */
  surveyed: boolean;
  /** Φ of the layer; of a run without surveys the mean over the states of its one group. */
  line: (number | null)[];
  /** The band around the line: the 90 % interval; of a run without surveys the line itself and the largest Φ of a state. */
  low: (number | null)[];
  high: (number | null)[];
  /** Φ of the shown group in its first state. */
  phi: (number | null)[];
  nullUpper: (number | null)[];
  /** Where Φ of the shown group is of another state than in the epoch before. */
  changes: { epoch: number; phi: number; from: string; to: string }[];
  /** Epochs without a number, and why. */
  gaps: { epoch: number; status: string; reason: string }[];
  /** Epochs whose Φ comes from the prior too, as so few states were visited, and the share that was. */
  sparse: { epoch: number; phi: number; coverage: number }[];
}

/** Below this share of visited states a Φ is marked, as in the report. */
export const ENOUGH_COVERAGE = 0.75;

export function layersOf(index: RunIndex): string[] {
  return [...new Set([...index.rows, ...index.steps].map((row) => row.layer))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
}

export function curves(index: RunIndex, epochs: readonly number[]): Curve[] {
  const byLayer = new Map<string, Map<number, IndexRow>>();
  for (const row of index.rows) {
    const rows = byLayer.get(row.layer) ?? new Map<number, IndexRow>();
    rows.set(row.epoch, row);
    byLayer.set(row.layer, rows);
  }
  return layersOf(index).map((layer) => curve(layer, byLayer.get(layer) ?? new Map(), epochs));
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
  return {
    layer,
    epochs: [...epochs],
    surveyed,
    line: take((row) => (surveyed ? row.phi_layer : row.mean)),
    low: take((row) => (surveyed ? row.low : row.mean)),
    high: take((row) => (surveyed ? row.high : row.maximum)),
    phi: take((row) => row.phi),
    nullUpper: take((row) => row.null_upper),
    changes: surveyed ? changesOf(rows) : [],
    gaps,
    sparse,
  };
}

function changesOf(rows: Map<number, IndexRow>): Curve["changes"] {
  const computed = [...rows.values()].filter((row) => row.status === "computed").sort((a, b) => a.epoch - b.epoch);
  return computed.flatMap(({ epoch, phi, state }, at) => {
    const before = computed[at - 1]?.state;
    return before === undefined || before === state || phi === null ? [] : [{ epoch, phi, from: before, to: state }];
  });
}

/** All epochs of some runs, ascending. */
export function epochsOf(...indexes: (RunIndex | null | undefined)[]): number[] {
  const found = new Set<number>();
  for (const index of indexes) for (const row of index?.rows ?? []) found.add(row.epoch);
  for (const index of indexes) for (const row of index?.networks ?? []) found.add(row.epoch);
  return [...found].sort((a, b) => a - b);
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
