// The neurons of a snapshot: where each of them is, and how active.

import type { NetworkSnapshot, Unit } from "../data/types";
import type { PlacedLayer, Point } from "../layout/network";
import type { Now, Range } from "../scales/activity";
import { activityAt, activityRange } from "../scales/activity";

/** What of a snapshot is placed and connected. */
export type Drawn = Pick<NetworkSnapshot, "layers" | "connections"> & Partial<Pick<NetworkSnapshot, "flows" | "blocks">>;

export interface Neuron extends Unit {
  layerIndex: number;
  position: number;
  /** The place of the body that it is in. */
  body: number;
  at: Point;
  analysed: boolean;
}

export class Neurons {
  all: Neuron[] = [];
  private places = new Map<string, number>();
  private ranges: Range[] = [];

  place(snapshot: Drawn, layers: readonly PlacedLayer[]): void {
    this.all = layers.flatMap(({ members, points }, body) =>
      members.map(({ layer: layerIndex, position }, at) => {
        const layer = snapshot.layers[layerIndex] as NetworkSnapshot["layers"][number];
        const index = layer.indices[position] as number;
        return {
          layer: layer.name,
          index,
          layerIndex,
          position,
          body,
          at: points[at] as Point,
          analysed: layer.analysed.includes(index),
        };
      }),
    );
    this.places = new Map(this.all.map((neuron, at) => [key(neuron), at]));
  }

  /** Takes the range of each layer's activity from a snapshot, and which units are analysed: other epochs may have other ones. */
  measure(snapshot: NetworkSnapshot): void {
    for (const neuron of this.all) neuron.analysed = snapshot.layers[neuron.layerIndex]?.analysed.includes(neuron.index) ?? false;
    this.ranges = snapshot.layers.map(activityRange);
  }

  /** The place of a unit among all. */
  placeOf(unit: Unit): number | undefined {
    return this.places.get(key(unit));
  }

  of(unit: Unit): Neuron | undefined {
    return this.all[this.placeOf(unit) ?? -1];
  }

  /** How active a neuron is at a step, or now, from 0 to 1 in the range of its layer. */
  activity(snapshot: NetworkSnapshot, { layerIndex, position }: Neuron, step: number, now: Now | null): number {
    const layer = snapshot.layers[layerIndex] as NetworkSnapshot["layers"][number];
    return activityAt(layer, this.ranges[layerIndex] as Range, position, step, now?.[layerIndex]?.[position]);
  }
}

const key = (unit: Unit): string => `${unit.index}@${unit.layer}`;
