// Where points of space are in the picture, and what is there.

import { Vector3 } from "three";
import type { Unit } from "../data/types";
import type { Box } from "../layout/labels";
import type { Point } from "../layout/network";
import type { Orbit } from "./camera";
import type { Neuron } from "./neurons";

export interface Projected {
  x: number;
  y: number;
  depth: number;
}

export class Projection {
  constructor(
    private readonly host: HTMLElement,
    private readonly orbit: Orbit,
  ) {}

  /** Where a point is, in pixels of the canvas. */
  of(point: Point): Projected {
    const place = new Vector3(...point).project(this.orbit.camera);
    const { clientWidth, clientHeight } = this.host;
    return { x: ((place.x + 1) / 2) * clientWidth, y: ((1 - place.y) / 2) * clientHeight, depth: place.z };
  }

  /** The neuron under a point of the canvas. */
  pick(neurons: readonly Neuron[], x: number, y: number): Unit | null {
    let best: Neuron | null = null;
    let nearest = Number.POSITIVE_INFINITY;
    for (const neuron of neurons) {
      const place = this.of(neuron.at);
      const reach = Math.max(7, this.pixels(neuron.at) * 0.45);
      const distance = Math.hypot(place.x - x, place.y - y);
      if (distance > reach || place.depth > 1) continue;
      const worth = distance / reach + place.depth * 0.2;
      if (worth < nearest) [best, nearest] = [neuron, worth];
    }
    return best ? { layer: best.layer, index: best.index } : null;
  }

  /** How many pixels a neuron, with the ring of an analysed one, reaches from its middle. */
  reach({ at, analysed }: Pick<Neuron, "at" | "analysed">): number {
    return this.pixels(at) * (analysed ? 0.7 : 0.46);
  }

  /** The boxes of all neurons in the picture. */
  boxes(neurons: readonly Neuron[]): Box[] {
    return neurons.map((neuron) => {
      const [{ x, y }, reach] = [this.of(neuron.at), this.reach(neuron)];
      return { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach };
    });
  }

  /** How many pixels one unit of length is at a point. */
  private pixels(at: Point): number {
    const distance = this.orbit.camera.position.distanceTo(new Vector3(...at));
    return this.host.clientHeight / (2 * Math.tan((this.orbit.camera.fov * Math.PI) / 360) * distance);
  }
}
