// The network in three dimensions. Draws only when something changed.

import type { WebGLInfo } from "three";
import { Scene, Vector3, WebGLRenderer } from "three";
import type { NetworkSnapshot, Unit } from "../data/types";
import type { PlacedLayer, Point } from "../layout/network";
import { placeNetwork } from "../layout/network";
import type { Now, Range } from "../scales/activity";
import { activityAt, activityRange } from "../scales/activity";
import { sequential } from "../scales/color";
import { Bodies, blockAt } from "./bodies";
import type { Pose } from "./camera";
import { Orbit } from "./camera";
import { Nodes } from "./nodes";
import { Outline } from "./outline";
import type { Beat } from "./pulses";
import type { Ring } from "./rings";
import { Rings } from "./rings";
import { Wiring } from "./wiring";

interface Neuron extends Unit {
  layerIndex: number;
  position: number;
  /** The place of the body that it is in. */
  body: number;
  at: Point;
  analysed: boolean;
}

export interface Marks {
  chosen: Unit | null;
  hovered: Unit | null;
  mechanism: Unit[];
  others: Unit[];
}

/** What of a snapshot is placed and connected. */
export type Drawn = Pick<NetworkSnapshot, "layers" | "connections"> & Partial<Pick<NetworkSnapshot, "flows" | "blocks">>;

export interface Projected {
  x: number;
  y: number;
  depth: number;
}

const INK = {
  dark: {
    frame: 0x2b3542,
    body: 0x5d7390,

    analysed: "#ffffff",
    chosen: "#ff6ac1",
    lit: "#a99bff",
  },
  light: {
    frame: 0xd4dae2,
    body: 0x9fb2c8,

    analysed: "#1b2230",
    chosen: "#c2188f",
    lit: "#5b4bd6",
  },
};

export class NetworkScene {
  readonly renderer: WebGLRenderer;
  readonly orbit: Orbit;
  /** How many frames were ever drawn: stands still when nothing changes. */
  frames = 0;
  /** The page's time for the last frame, in milliseconds: what changed, the drawing, and the names. */
  lastFrameMs = 0;
  layers: PlacedLayer[] = [];
  /** Called after a frame in which something may be at another place of the picture than before. */
  onmoved: () => void = () => {};
  private readonly scene = new Scene();
  private readonly nodes = new Nodes();
  private readonly wiring = new Wiring();
  private readonly bodies = new Bodies();
  private readonly rings = new Rings();
  private readonly outline = new Outline();
  private readonly observer: ResizeObserver;
  private neurons: Neuron[] = [];
  private places = new Map<string, number>();
  private ranges: Range[] = [];
  private snapshot: NetworkSnapshot | null = null;
  private shape = "";
  private step = 0;
  private now: Now | null = null;
  private marks: Marks = { chosen: null, hovered: null, mechanism: [], others: [] };
  private theme: "light" | "dark" = "dark";
  private waiting = 0;
  private hasMoved = false;
  /** The time since the last frame that went into the next one. */
  private spent = 0;

  /** Throws where the browser has no WebGL. */
  constructor(private readonly host: HTMLElement) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true, powerPreference: "high-performance" });
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio || 1));
    this.renderer.setClearAlpha(0);
    host.prepend(this.renderer.domElement);
    this.orbit = new Orbit(this.renderer.domElement, () => this.invalidate());
    this.scene.add(this.outline.mesh, this.rings.mesh, ...this.wiring.meshes);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    this.resize();
  }

  /**
   * Shows a snapshot; thickness is measured by the largest weights of `reference`, `focus` is the place of the shown layer, and all
   * blocks but those that are `open` are drawn as one body each.
   */
  show(snapshot: NetworkSnapshot, reference: NetworkSnapshot, focus: number | null, open: ReadonlySet<string>): void {
    this.snapshot = snapshot;
    const layers = placeNetwork(snapshot, focus, open);
    const shape = JSON.stringify([
      snapshot.layers.map((layer) => [layer.name, layer.kind, layer.indices]),
      layers.map(({ x, name, members }) => [x, name, members]),
    ]);
    const moved = shape !== this.shape;
    if (moved) this.place(snapshot, layers, shape);
    this.ranges = snapshot.layers.map(activityRange);
    this.wiring.set(snapshot, reference, this.layers, this.neurons, (unit) => this.places.get(key(unit)));
    this.repaint();
    if (moved) this.orbit.fit(this.layers);
  }

  /** Shows nothing. */
  clear(): void {
    if (!this.snapshot) return;
    this.snapshot = null;
    this.marks = { chosen: null, hovered: null, mechanism: [], others: [] };
    const nothing = { layers: [], connections: [] };
    this.place(nothing, [], "");
    this.wiring.set(nothing, nothing, [], [], () => undefined);
    this.rings.set([]);
    this.invalidate();
  }

  setStep(step: number): void {
    this.step = step;
    this.paint();
  }

  /** Shows activations of now in the place of those of the snapshot; null shows those again. */
  setNow(now: Now | null): void {
    if (now === this.now) return;
    this.now = now;
    this.paint();
  }

  /** Shows the pulses of activity where they are at a moment of the step. */
  setBeat(beat: Beat): void {
    this.wiring.run(beat);
    this.draws();
  }

  /** How many pulses are drawn. */
  get pulsesShown(): number {
    return this.wiring.pulsesShown;
  }

  mark(marks: Partial<Marks>): void {
    this.marks = { ...this.marks, ...marks };
    this.repaint();
  }

  setTheme(theme: "light" | "dark"): void {
    this.theme = theme;
    this.outline.color(INK[theme].frame);
    this.bodies.color(INK[theme].body);
    this.wiring.setTheme(theme);
    this.repaint();
  }

  resetView(): void {
    this.orbit.fit(this.layers);
    this.invalidate();
  }

  /** Draws once, soon, picture and names; any number of calls before that make one frame. */
  invalidate(): void {
    this.hasMoved = true;
    this.draws();
  }

  /** Draws once, soon; names and all else stay where they are. */
  private draws(): void {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const began = performance.now();
      this.renderer.render(this.scene, this.orbit.camera);
      if (this.hasMoved) this.onmoved();
      this.hasMoved = false;
      this.lastFrameMs = performance.now() - began + this.spent;
      this.spent = 0;
      this.frames++;
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

  /** The closed block under a point of the canvas, by its place in the snapshot. */
  pickBlock(x: number, y: number): number | null {
    return blockAt(this.layers, (point) => this.projectPoint(point), x, y);
  }

  colorOf(unit: Unit): string {
    return this.nodes.colorOf(this.places.get(key(unit)) ?? -1);
  }

  /** How a connection is drawn, or null where it is not among the strongest. */
  lineOf(from: Unit, to: Unit): { width: number; color: string } | null {
    return this.wiring.lineOf(this.places.get(key(from)), this.places.get(key(to)));
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

  /** The picture of now in a theme, so many times finer than the page; the page's own is as before. */
  picture(ratio: number, theme: "light" | "dark"): HTMLCanvasElement {
    const [before, shown] = [this.renderer.getPixelRatio(), this.theme];
    const copy = document.createElement("canvas");
    this.draw(ratio, theme);
    const { domElement } = this.renderer;
    [copy.width, copy.height] = [domElement.width, domElement.height];
    // The graphics card keeps a picture until the browser next has a turn.
    copy.getContext("2d")?.drawImage(domElement, 0, 0);
    this.draw(before, shown);
    return copy;
  }

  private draw(ratio: number, theme: "light" | "dark"): void {
    this.renderer.setPixelRatio(ratio);
    this.wiring.resize(this.host.clientWidth, this.host.clientHeight, ratio);
    if (theme !== this.theme) this.setTheme(theme);
    this.renderer.render(this.scene, this.orbit.camera);
  }

  dispose(): void {
    cancelAnimationFrame(this.waiting);
    this.snapshot = null;
    this.observer.disconnect();
    this.orbit.dispose();
    this.nodes.dispose();
    this.bodies.dispose();
    this.wiring.dispose();
    this.rings.dispose();
    this.outline.dispose();
    this.renderer.dispose();
    // A browser holds on to few contexts; without this one lasts until the garbage is collected.
    this.renderer.forceContextLoss();
    this.renderer.domElement.remove();
  }

  private place(snapshot: Drawn, layers: PlacedLayer[], shape: string): void {
    this.shape = shape;
    this.layers = layers;
    this.neurons = layers.flatMap(({ members, points }, body) =>
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
    this.places = new Map(this.neurons.map((neuron, at) => [key(neuron), at]));
    this.nodes.set(
      this.neurons.map((neuron) => ({
        kind: snapshot.layers[neuron.layerIndex]?.kind ?? "other",
        at: neuron.at,
        size: 0.36,
      })),
    );
    for (const mesh of this.nodes.meshes) this.scene.add(mesh);
    this.outline.set(this.layers);
    this.bodies.set(this.layers);
    if (this.bodies.mesh) this.scene.add(this.bodies.mesh);
  }

  private repaint(): void {
    this.paint();
    this.ring();
    this.invalidate();
  }

  /** Gives all that depends on the step its colour, size and opacity. */
  private paint(): void {
    const snapshot = this.snapshot;
    if (!snapshot) return;
    const began = performance.now();
    const activityOf = ({ layerIndex, position }: Neuron, step: number) =>
      activityAt(
        snapshot.layers[layerIndex] as NetworkSnapshot["layers"][number],
        this.ranges[layerIndex] as Range,
        position,
        step,
        this.now?.[layerIndex]?.[position],
      );
    const activity = this.neurons.map((neuron) => activityOf(neuron, this.step));
    this.nodes.paint((at) => {
      const value = activity[at] as number;
      return { color: sequential(value), scale: 0.8 + 0.38 * value + (this.neurons[at]?.analysed ? 0.3 : 0) };
    });
    const focus = [this.marks.hovered, this.marks.chosen]
      .map((unit) => (unit ? this.places.get(key(unit)) : undefined))
      .find((at) => at !== undefined);
    const step = Math.floor(this.step);
    this.wiring.paint(activity, (at) => activityOf(this.neurons[at] as Neuron, step), focus);
    this.spent += performance.now() - began;
    this.draws();
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
    this.wiring.resize(width, height, this.renderer.getPixelRatio());
    if (this.layers.length && !this.orbit.moved) this.orbit.fit(this.layers);
    this.invalidate();
  }
}

const key = (unit: Unit): string => `${unit.index}@${unit.layer}`;
