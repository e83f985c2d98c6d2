// The connections as what is drawn of them: thickness by the weight's magnitude, colour by its sign.
import type { NetworkSnapshot, Unit } from "../data/types";
import { flowsOf } from "../layout/blocks";
import type { Curve, PlacedLayer, Point } from "../layout/network";
import { curveOver, pathBetween, pathOver } from "../layout/network";
import { NEGATIVE, POSITIVE } from "../scales/color";
import { lineOpacity, lineWidth, weightPart } from "../scales/weight";
import type { Segment } from "./lines";

export interface Strand {
  /** Places of the two neurons in the list of all. */
  from: number;
  to: number;
  opacity: number;
  color: string;
  /** The magnitude of its weight as a part of the largest one. */
  part: number;
  /** Whether it stays within a layer. */
  recurrent: boolean;
  /** Its first piece in the list of segments; others follow where it is bent. */
  first: number;
}

export interface Drawing {
  strands: Strand[];
  segments: Segment[];
  /** Which strand each segment belongs to. */
  strandOf: number[];
}

/** The strands of a snapshot; thickness is measured by the largest weights of `reference`. */
export function drawingOf(
  snapshot: Pick<NetworkSnapshot, "layers" | "connections">,
  reference: Pick<NetworkSnapshot, "connections">,
  placeOf: (unit: Unit) => number | undefined,
  at: (place: number) => Point,
): Drawing {
  const drawing: Drawing = { strands: [], segments: [], strandOf: [] };
  snapshot.connections.forEach((pair, index) => {
    const before = snapshot.layers[pair.from_layer]?.name ?? "";
    const after = snapshot.layers[pair.to_layer]?.name ?? "";
    const largest = reference.connections[index]?.largest || pair.largest;
    for (const [source, target, weight] of pair.weights) {
      const from = placeOf({ layer: before, index: source });
      const to = placeOf({ layer: after, index: target });
      if (from === undefined || to === undefined) continue;
      const [color, recurrent] = [weight < 0 ? NEGATIVE : POSITIVE, pair.from_layer === pair.to_layer];
      const look = { width: lineWidth(weight, largest), color };
      const strength = { opacity: lineOpacity(weight, largest), part: weightPart(weight, largest) };
      drawing.strands.push({ from, to, ...strength, color, recurrent, first: drawing.segments.length });
      const path = pathBetween(at(from), at(to), recurrent);
      for (let step = 1; step < path.length; step++) {
        drawing.segments.push({ from: path[step - 1] as Point, to: path[step] as Point, ...look });
        drawing.strandOf.push(drawing.strands.length - 1);
      }
    }
  });
  return drawing;
}

/** A way between two bodies, by their places. */
export interface FlowPath {
  from: number;
  to: number;
  path: Curve;
  points: Point[];
}

/** The ways from body to body where data flowed between them and no weights are drawn. */
export function flowPaths(
  snapshot: Pick<NetworkSnapshot, "connections"> & Partial<Pick<NetworkSnapshot, "flows">>,
  bodies: readonly PlacedLayer[],
): FlowPath[] {
  const weighted = new Set(snapshot.connections.map((pair) => `${pair.from_layer} ${pair.to_layer}`));
  return flowsOf(snapshot, bodies).flatMap(({ from, to }) => {
    const [before, after] = [bodies[from], bodies[to]] as [PlacedLayer, PlacedLayer];
    const isDrawn = !before.closed && !after.closed && weighted.has(`${before.layers[0]} ${after.layers[0]}`);
    if (isDrawn) return [];
    const between = bodies.slice(Math.min(from, to) + 1, Math.max(from, to));
    return [{ from, to, path: curveOver(before, after, between), points: pathOver(before, after, between) }];
  });
}

/** The lines of ways between bodies. */
export const flowSegments = (paths: readonly FlowPath[], color: string): Segment[] =>
  paths.flatMap(({ points }) => points.slice(1).map((point, at) => ({ from: points[at] as Point, to: point, width: 1.6, color })));
