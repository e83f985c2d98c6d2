// How active a unit is, from 0 to 1 within its layer: the layer's own range over the recorded steps.
import type { LiveStep, NetworkLayer } from "../data/types";

export interface Range {
  low: number;
  high: number;
}

export function activityRange(layer: NetworkLayer): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const row of layer.activity.length ? layer.activity : [layer.mean_activity]) {
    for (const value of row) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? { low, high } : { low: 0, high: 0 };
}

export function relative(value: number, range: Range): number {
  return range.high > range.low ? (value - range.low) / (range.high - range.low) : 0.5;
}

/** What the units of a snapshot do now, by the places of their layers and their places in these; undefined where it is not known. */
export type Now = readonly (readonly (number | undefined)[])[];

/** What the units of a snapshot's layers do in a step of the training. */
export function nowOf(layers: readonly NetworkLayer[], { layers: told }: LiveStep): Now {
  const known = new Map(told.map((layer) => [layer.name, new Map(layer.indices.map((index, at) => [index, layer.values[at]]))]));
  return layers.map(({ name, indices }) => indices.map((index) => known.get(name)?.get(index)));
}

/** A unit's activity at a step, from 0 to 1, or that of `now`; between two steps the values are mixed. */
export function activityAt(layer: NetworkLayer, range: Range, position: number, step: number, now?: number): number {
  if (now !== undefined) return Math.min(1, Math.max(0, relative(now, range)));
  const rows = layer.activity;
  if (!rows.length) return relative(layer.mean_activity[position] ?? range.low, range);
  const before = rows[Math.floor(step) % rows.length] as number[];
  const after = rows[Math.ceil(step) % rows.length] as number[];
  const part = step - Math.floor(step);
  return relative((before[position] ?? 0) * (1 - part) + (after[position] ?? 0) * part, range);
}
