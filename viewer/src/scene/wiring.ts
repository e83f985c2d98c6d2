// What is drawn between neurons and bodies: the connections, the ways of data, and the pulses of activity that run along both.
import type { Object3D } from "three";
import type { Unit } from "../data/types";
import type { PlacedLayer, Point } from "../layout/network";
import { Lines } from "./lines";
import type { Drawn } from "./neurons";
import type { Beat } from "./pulses";
import { Pulses } from "./pulses";
import type { Placed } from "./running";
import { pulsesOf } from "./running";
import type { Drawing, FlowPath, Strand } from "./strands";
import { drawingOf, flowPaths, flowSegments } from "./strands";

const INK = {
  dark: { flow: "#7f8da0", data: "#a99bff", hot: "#ffffff", heat: 0.85 },
  light: { flow: "#8a97a8", data: "#5b4bd6", hot: "#000000", heat: 0.3 },
};
/** How opaque the ways of data are. */
const FLOW = 0.75;
/** How opaque connections are while pulses run along some of them. */
const BESIDE_PULSES = 0.4;

export class Wiring {
  private readonly lines = new Lines();
  private readonly pulses = new Pulses();
  readonly meshes: Object3D[] = [this.lines.mesh, this.pulses.mesh];
  private drawing: Drawing = { strands: [], segments: [], strandOf: [] };
  private flows: FlowPath[] = [];
  private neurons: readonly Placed[] = [];
  private bodies = 0;
  private theme: "light" | "dark" = "dark";

  /** Connects neurons and bodies as a snapshot has them; thickness is measured by the largest weights of `reference`. */
  set(
    snapshot: Drawn,
    reference: Drawn,
    bodies: readonly PlacedLayer[],
    neurons: readonly Placed[],
    placeOf: (unit: Unit) => number | undefined,
  ): void {
    this.drawing = drawingOf(snapshot, reference, placeOf, (place): Point => (neurons[place] as Placed).at);
    this.flows = flowPaths(snapshot, bodies);
    this.neurons = neurons;
    this.bodies = bodies.length;
    this.draw();
  }

  setTheme(theme: "light" | "dark"): void {
    this.theme = theme;
    this.pulses.color(INK[theme].hot, INK[theme].heat);
    this.draw();
  }

  /** Shows the pulses where they are at a moment of the step. */
  run(beat: Beat): void {
    this.pulses.run(beat);
    this.lines.dim(beat === null ? 1 : BESIDE_PULSES);
  }

  /** How many pulses are drawn. */
  get pulsesShown(): number {
    return this.pulses.shown;
  }

  /**
   * Makes connections as opaque as their sources are active, and pulses as bright as theirs are in this step; those of a neuron in
   * `focus` before all others.
   */
  paint(activity: readonly number[], inStep: (neuron: number) => number, focus: number | undefined): void {
    const { strands, strandOf } = this.drawing;
    const dense = Math.min(1, Math.max(0.25, Math.sqrt(500 / Math.max(1, strands.length))));
    this.lines.fade((segment) => {
      const strand = strands[strandOf[segment] as number];
      if (!strand) return FLOW;
      if (focus !== undefined)
        return strand.from === focus || strand.to === focus ? Math.max(0.8, strand.opacity) : strand.opacity * dense * 0.2;
      return strand.opacity * dense * (0.5 + 0.7 * (activity[strand.from] as number));
    });
    this.pulses.light(inStep);
  }

  /** How a connection is drawn, or null where it is not among the strongest. */
  lineOf(from: number | undefined, to: number | undefined): { width: number; color: string } | null {
    const strand = this.drawing.strands.find((known: Strand) => known.from === from && known.to === to);
    return strand ? this.lines.drawn(strand.first) : null;
  }

  resize(width: number, height: number, ratio: number): void {
    this.lines.resize(width, height, ratio);
    this.pulses.resize(width, height, ratio);
  }

  dispose(): void {
    this.lines.dispose();
    this.pulses.dispose();
  }

  private draw(): void {
    const { flow, data } = INK[this.theme];
    this.lines.set([...this.drawing.segments, ...flowSegments(this.flows, flow)]);
    this.pulses.set(pulsesOf(this.drawing.strands, this.flows, this.neurons, this.bodies, data));
  }
}
