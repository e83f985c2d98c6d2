// The rows of an index as the lines of a chart.
import type { IndexRow, RunIndex } from "../data/types";

export interface Curve {
  layer: string;
  epochs: number[];
  phi: (number | null)[];
  mean: (number | null)[];
  maximum: (number | null)[];
  nullUpper: (number | null)[];
  /** Epochs without a number, and why. */
  gaps: { epoch: number; status: string; reason: string }[];
  /** Epochs whose Φ comes from the prior too, as so few states were visited, and the share that was. */
  low: { epoch: number; phi: number; coverage: number }[];
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
  const take = (pick: (row: IndexRow) => number | null) =>
    epochs.map((epoch) => {
      const row = rows.get(epoch);
      return row && row.status === "computed" ? pick(row) : null;
    });
  const gaps = [...rows.values()]
    .filter((row) => row.status !== "computed")
    .map((row) => ({ epoch: row.epoch, status: row.status, reason: row.reason }));
  const low = [...rows.values()].flatMap(({ epoch, status, phi, coverage }) =>
    status === "computed" && phi !== null && coverage !== null && coverage < ENOUGH_COVERAGE ? [{ epoch, phi, coverage }] : [],
  );
  return {
    layer,
    epochs: [...epochs],
    phi: take((row) => row.phi),
    mean: take((row) => row.mean),
    maximum: take((row) => row.maximum),
    nullUpper: take((row) => row.null_upper),
    gaps,
    low,
  };
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
