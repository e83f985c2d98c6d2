// The connections as what is drawn of them: thickness by the weight's magnitude, colour by its sign.
import type { NetworkSnapshot, Unit } from "../data/types";
import type { Point } from "../layout/network";
import { pathBetween } from "../layout/network";
import { NEGATIVE, POSITIVE } from "../scales/color";
import { lineOpacity, lineWidth } from "../scales/weight";
import type { Segment } from "./lines";

export interface Strand {
  /** Places of the two neurons in the list of all. */
  from: number;
  to: number;
  opacity: number;
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
  snapshot: NetworkSnapshot,
  reference: NetworkSnapshot,
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
      const look = { width: lineWidth(weight, largest), color: weight < 0 ? NEGATIVE : POSITIVE };
      drawing.strands.push({ from, to, opacity: lineOpacity(weight, largest), first: drawing.segments.length });
      const path = pathBetween(at(from), at(to), pair.from_layer === pair.to_layer);
      for (let step = 1; step < path.length; step++) {
        drawing.segments.push({ from: path[step - 1] as Point, to: path[step] as Point, ...look });
        drawing.strandOf.push(drawing.strands.length - 1);
      }
    }
  });
  return drawing;
}
