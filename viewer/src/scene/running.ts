// Where activity runs when it is played: along the strongest connections of each neuron, from layer to layer.
import type { Point } from "../layout/network";
import { bendOf } from "../layout/network";
import type { FlowPath, Strand } from "./strands";

export interface Pulse {
  from: Point;
  bend: Point;
  to: Point;
  /** When it leaves and when it arrives, from 0 to 1 within a step of the activity. */
  leaves: number;
  arrives: number;
  /** The magnitude of its weight as a part of the largest one. */
  part: number;
  color: string;
  /** The neurons, by their places, whose mean activity it carries. */
  sources: readonly number[];
}

/** So many connections into each neuron carry a pulse: the strongest ones. */
const INTO_EACH = 3;
/** A pulse is at least this part of a step on its way, so that it can be followed through many layers. */
const SHORTEST = 0.35;
/** Pulses of the same layers leave one after another within this part of their time. */
const SPREAD = 0.3;

export interface Placed {
  at: Point;
  /** The place of its body from left to right. */
  body: number;
}

/** The pulses of a network of so many bodies. */
export function pulsesOf(
  strands: readonly Strand[],
  flows: readonly FlowPath[],
  neurons: readonly Placed[],
  bodies: number,
  flowColor: string,
): Pulse[] {
  const placed = (place: number) => neurons[place] as Placed;
  // What a neuron does to itself goes nowhere.
  const along = strongest(strands.filter(({ from, to }) => from !== to)).map((strand, index): Pulse => {
    const [from, to] = [placed(strand.from), placed(strand.to)];
    const { part, color, recurrent } = strand;
    const ends = { from: from.at, bend: bendOf(from.at, to.at, recurrent), to: to.at };
    return { ...ends, ...timeOf(from.body, to.body, bodies, index), part, color, sources: [strand.from] };
  });
  const over = flows.map(({ from, to, path }, index): Pulse => {
    const sources = neurons.flatMap(({ body }, place) => (body === from ? [place] : []));
    return { ...path, ...timeOf(from, to, bodies, index), part: 1, color: flowColor, sources };
  });
  return [...along, ...over];
}

/** The strongest connections into each neuron; of equal ones those that come first. */
export function strongest(strands: readonly Strand[]): Strand[] {
  const into = new Map<number, Strand[]>();
  for (const strand of strands) into.set(strand.to, [...(into.get(strand.to) ?? []), strand]);
  return [...into.values()].flatMap((all) => all.sort((a, b) => b.part - a.part).slice(0, INTO_EACH));
}

/** When a pulse is on its way: those of the first layer at the beginning of a step, those into the last one at its end. */
function timeOf(from: number, to: number, bodies: number, index: number): { leaves: number; arrives: number } {
  const hops = Math.max(1, bodies - 1);
  const lasts = Math.max(SHORTEST, Math.max(1, to - from) / hops);
  const first = (Math.min(from, hops - 1) / Math.max(1, hops - 1)) * Math.max(0, 1 - lasts);
  const late = ((index * 0.618) % 1) * SPREAD * lasts;
  return { leaves: first + late, arrives: Math.min(1, first + lasts - (SPREAD * lasts - late)) };
}
