// The network in three dimensions. Draws only when something changed.

import type { WebGLInfo } from "three";
import { Scene, Vector3, WebGLRenderer } from "three";
import type { NetworkSnapshot, Unit } from "../data/types";
import type { PlacedLayer, Point } from "../layout/network";
import { placeNetwork } from "../layout/network";
import type { Range } from "../scales/activity";
import { activityAt, activityRange } from "../scales/activity";
import { sequential } from "../scales/color";
import type { Pose } from "./camera";
import { Orbit } from "./camera";
import { Lines } from "./lines";
import { Nodes } from "./nodes";
import { Outline } from "./outline";
import type { Ring } from "./rings";
import { Rings } from "./rings";
import type { Drawing } from "./strands";
import { drawingOf } from "./strands";

interface Neuron extends Unit {
  layerIndex: number;
  position: number;
  at: Point;
  analysed: boolean;
}

export interface Marks {
  chosen: Unit | null;
  hovered: Unit | null;
  mechanism: Unit[];
  others: Unit[];
}

export interface Projected {
  x: number;
  y: number;
  depth: number;
}

const INK = {
  dark: { frame: 0x2b3542, analysed: "#ffffff", chosen: "#ff6ac1", lit: "#a99bff" },
  light: { frame: 0xd4dae2, analysed: "#1b2230", chosen: "#c2188f", lit: "#5b4bd6" },
};

export class NetworkScene {
  readonly renderer: WebGLRenderer;
  readonly orbit: Orbit;
  /** How many frames were ever drawn: stands still when nothing changes. */
  frames = 0;
  lastFrameMs = 0;
  layers: PlacedLayer[] = [];
  onframe: () => void = () => {};
  private readonly scene = new Scene();
  private readonly nodes = new Nodes();
  private readonly lines = new Lines();
  private readonly rings = new Rings();
  private readonly outline = new Outline();
  private readonly observer: ResizeObserver;
  private neurons: Neuron[] = [];
  private places = new Map<string, number>();
  private drawing: Drawing = { strands: [], segments: [], strandOf: [] };
  private ranges: Range[] = [];
  private snapshot: NetworkSnapshot | null = null;
  private shape = "";
  private step = 0;
  private marks: Marks = { chosen: null, hovered: null, mechanism: [], others: [] };
  private theme: "light" | "dark" = "dark";
  private waiting = 0;

  /** Throws where the browser has no WebGL. */
  constructor(private readonly host: HTMLElement) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true, powerPreference: "high-performance" });
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio || 1));
    this.renderer.setClearAlpha(0);
    host.prepend(this.renderer.domElement);
    this.orbit = new Orbit(this.renderer.domElement, () => this.invalidate());
    this.scene.add(this.outline.mesh, this.lines.mesh, this.rings.mesh);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    this.resize();
  }

  /** Shows a snapshot; thickness is measured by the largest weights of `reference`. */
  show(snapshot: NetworkSnapshot, reference: NetworkSnapshot): void {
    this.snapshot = snapshot;
    const shape = JSON.stringify(snapshot.layers.map((layer) => [layer.name, layer.kind, layer.indices]));
    const moved = shape !== this.shape;
    if (moved) this.place(snapshot, shape);
    this.ranges = snapshot.layers.map(activityRange);
    this.connect(snapshot, reference);
    this.paint();
    if (moved) this.orbit.fit(this.layers);
  }

  setStep(step: number): void {
    this.step = step;
    this.paint();
  }

  mark(marks: Partial<Marks>): void {
    this.marks = { ...this.marks, ...marks };
    this.paint();
  }

  setTheme(theme: "light" | "dark"): void {
    this.theme = theme;
    this.outline.color(INK[theme].frame);
    this.paint();
  }

  resetView(): void {
    this.orbit.fit(this.layers);
    this.invalidate();
  }

  /** Draws once, soon; any number of calls before that make one frame. */
  invalidate(): void {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const began = performance.now();
      this.renderer.render(this.scene, this.orbit.camera);
      this.lastFrameMs = performance.now() - began;
      this.frames++;
      this.onframe();
    });
  }

  /** Where a neuron is on the page, in pixels of the canvas. */
  project(unit: Unit): Projected | null {
    const neuron = this.neurons[this.places.get(key(unit)) ?? -1];
    return neuron ? this.projectPoint(neuron.at) : null;
  }

  projectPoint(point: Point): Projected {
    const place = new Vector3(...point).project(this.orbit.camera);
    const { clientWidth, clientHeight } = this.host;
    return { x: ((place.x + 1) / 2) * clientWidth, y: ((1 - place.y) / 2) * clientHeight, depth: place.z };
  }

  /** The neuron under a point of the canvas. */
  pick(x: number, y: number): Unit | null {
    let best: Neuron | null = null;
    let nearest = Number.POSITIVE_INFINITY;
    for (const neuron of this.neurons) {
      const place = this.projectPoint(neuron.at);
      const reach = Math.max(7, this.pixels(neuron.at) * 0.45);
      const distance = Math.hypot(place.x - x, place.y - y);
      if (distance > reach || place.depth > 1) continue;
      const worth = distance / reach + place.depth * 0.2;
      if (worth < nearest) [best, nearest] = [neuron, worth];
    }
    return best ? { layer: best.layer, index: best.index } : null;
  }

  colorOf(unit: Unit): string {
    return this.nodes.colorOf(this.places.get(key(unit)) ?? -1);
  }

  /** How a connection is drawn, or null where it is not among the strongest. */
  lineOf(from: Unit, to: Unit): { width: number; color: string } | null {
    const [a, b] = [this.places.get(key(from)), this.places.get(key(to))];
    const strand = this.drawing.strands.find((known) => known.from === a && known.to === b);
    return strand ? this.lines.drawn(strand.first) : null;
  }

  /** The colours of the rings around a neuron. */
  ringsOf(unit: Unit): string[] {
    const neuron = this.neurons[this.places.get(key(unit)) ?? -1];
    return neuron ? this.rings.colorsAt(neuron.at) : [];
  }

  /** Where the camera is and what it looks at. */
  get pose(): Pose {
    return this.orbit.pose;
  }

  /** What the graphics card holds: counts that go on being kept after dispose(). */
  get graphics(): WebGLInfo {
    return this.renderer.info;
  }

  dispose(): void {
    cancelAnimationFrame(this.waiting);
    this.snapshot = null;
    this.observer.disconnect();
    this.orbit.dispose();
    this.nodes.dispose();
    this.lines.dispose();
    this.rings.dispose();
    this.outline.dispose();
    this.renderer.dispose();
    // A browser holds on to few contexts; without this one lasts until the garbage is collected.
    this.renderer.forceContextLoss();
    this.renderer.domElement.remove();
  }

  private place(snapshot: NetworkSnapshot, shape: string): void {
    this.shape = shape;
    this.layers = placeNetwork(snapshot);
    this.neurons = snapshot.layers.flatMap((layer, layerIndex) => {
      const analysed = new Set(layer.analysed);
      return layer.indices.map((index, position) => ({
        layer: layer.name,
        index,
        layerIndex,
        position,
        at: this.layers[layerIndex]?.points[position] as Point,
        analysed: analysed.has(index),
      }));
    });
    this.places = new Map(this.neurons.map((neuron, at) => [key(neuron), at]));
    this.nodes.set(
      this.neurons.map((neuron) => ({
        kind: snapshot.layers[neuron.layerIndex]?.kind ?? "other",
        at: neuron.at,
        size: this.layers[neuron.layerIndex]?.size ?? 0.36,
      })),
    );
    this.scene.add(...this.nodes.meshes);
    this.outline.set(this.layers);
  }

  private connect(snapshot: NetworkSnapshot, reference: NetworkSnapshot): void {
    this.drawing = drawingOf(
      snapshot,
      reference,
      (unit) => this.places.get(key(unit)),
      (place) => (this.neurons[place] as Neuron).at,
    );
    this.lines.set(this.drawing.segments);
  }

  private paint(): void {
    const snapshot = this.snapshot;
    if (!snapshot) return;
    const activity = this.neurons.map((neuron) =>
      activityAt(
        snapshot.layers[neuron.layerIndex] as NetworkSnapshot["layers"][number],
        this.ranges[neuron.layerIndex] as Range,
        neuron.position,
        this.step,
      ),
    );
    this.nodes.paint((at) => {
      const value = activity[at] as number;
      return { color: sequential(value), scale: 0.8 + 0.38 * value + (this.neurons[at]?.analysed ? 0.3 : 0) };
    });
    const dense = Math.min(1, Math.max(0.25, Math.sqrt(500 / Math.max(1, this.drawing.strands.length))));
    const focus = [this.marks.hovered, this.marks.chosen]
      .map((unit) => (unit ? this.places.get(key(unit)) : undefined))
      .find((at) => at !== undefined);
    this.lines.fade((segment) => {
      const strand = this.drawing.strands[this.drawing.strandOf[segment] as number] as Drawing["strands"][number];
      if (focus !== undefined)
        return strand.from === focus || strand.to === focus ? Math.max(0.8, strand.opacity) : strand.opacity * dense * 0.2;
      return strand.opacity * dense * (0.5 + 0.7 * (activity[strand.from] as number));
    });
    this.ring();
    this.invalidate();
  }

  private ring(): void {
    const ink = INK[this.theme];
    const rings: Ring[] = [];
    const add = (units: Unit[], color: string, radius: number, thick: number) => {
      for (const unit of units) {
        const neuron = this.neurons[this.places.get(key(unit)) ?? -1];
        if (neuron) rings.push({ at: neuron.at, radius, color, thick });
      }
    };
    add(
      this.neurons.filter((neuron) => neuron.analysed),
      ink.analysed,
      0.68,
      0.14,
    );
    add(this.marks.others, ink.lit, 0.92, 0.12);
    add(this.marks.mechanism, ink.lit, 0.95, 0.3);
    if (this.marks.chosen) add([this.marks.chosen], ink.chosen, 1.0, 0.2);
    if (this.marks.hovered) add([this.marks.hovered], ink.chosen, 0.86, 0.1);
    this.rings.set(rings);
  }

  /** How many pixels one unit of length is at a point. */
  private pixels(at: Point): number {
    const distance = this.orbit.camera.position.distanceTo(new Vector3(...at));
    return this.host.clientHeight / (2 * Math.tan((this.orbit.camera.fov * Math.PI) / 360) * distance);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!width || !height) return;
    this.renderer.setSize(width, height);
    this.orbit.resize(width, height);
    this.lines.resize(width, height, this.renderer.getPixelRatio());
    if (this.layers.length && !this.orbit.moved) this.orbit.fit(this.layers);
    this.invalidate();
  }
}

const key = (unit: Unit): string => `${unit.index}@${unit.layer}`;
