// The network in three dimensions. Draws only when something changed.

import type { WebGLInfo } from "three";
import { Scene, WebGLRenderer } from "three";
import type { NetworkSnapshot, Unit } from "../data/types";
import type { Box } from "../layout/labels";
import type { PlacedLayer, Point } from "../layout/network";
import { placeNetwork } from "../layout/network";
import type { Now } from "../scales/activity";
import { sequential } from "../scales/color";
import { Bodies, blockAt } from "./bodies";
import type { Pose } from "./camera";
import { Orbit } from "./camera";
import type { Marks } from "./marks";
import { NO_MARKS, ringsOf } from "./marks";
import type { Drawn, Neuron } from "./neurons";
import { Neurons } from "./neurons";
import { Nodes } from "./nodes";
import { Outline } from "./outline";
import type { Projected } from "./projection";
import { Projection } from "./projection";
import type { Beat } from "./pulses";
import { Rings } from "./rings";
import { Wiring } from "./wiring";

const INK = {
  dark: { frame: 0x2b3542, body: 0x5d7390 },
  light: { frame: 0xd4dae2, body: 0x9fb2c8 },
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
  private readonly neurons = new Neurons();
  private readonly projection: Projection;
  private snapshot: NetworkSnapshot | null = null;
  private focus: number | null = null;
  private shape = "";
  private step = 0;
  private now: Now | null = null;
  private marks = NO_MARKS;
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
    this.projection = new Projection(host, this.orbit);
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
    const isFirst = !this.snapshot;
    const isOther = !isFirst && focus !== this.focus;
    this.snapshot = snapshot;
    this.focus = focus;
    if (isFirst) this.resize();
    const layers = placeNetwork(snapshot, focus, open);
    const shape = JSON.stringify([
      snapshot.layers.map((layer) => [layer.name, layer.kind, layer.indices]),
      layers.map(({ x, name, members }) => [x, name, members]),
    ]);
    const moved = shape !== this.shape;
    if (moved) this.place(snapshot, layers, shape);
    this.neurons.measure(snapshot);
    this.wiring.set(snapshot, reference, this.layers, this.neurons.all, (unit) => this.neurons.placeOf(unit));
    this.repaint();
    if (moved) this.orbit.fit(this.layers);
    else if (isOther) this.bringIntoView();
  }

  /** Where a person turned or zoomed so that the shown layer would not be seen, the view moves to it. */
  private bringIntoView(): void {
    const layer = this.layers.find(({ layers }) => this.focus !== null && layers.includes(this.focus));
    if (!layer) return;
    const { clientWidth, clientHeight } = this.host;
    const isSeen = ({ x, y, depth }: Projected) => depth < 1 && x > 0 && y > 0 && x < clientWidth && y < clientHeight;
    const units = this.neurons.all
      .filter(({ layerIndex }) => layer.layers.includes(layerIndex))
      .map(({ at }) => this.projectPoint(at));
    const shown = units.length ? units : [this.projectPoint([layer.x, 0, 0])];
    if (shown.filter(isSeen).length < shown.length / 2) this.orbit.lookTo(layer);
  }

  /** Shows nothing. */
  clear(): void {
    if (!this.snapshot) return;
    this.snapshot = null;
    this.marks = NO_MARKS;
    const nothing = { layers: [], connections: [] };
    this.place(nothing, [], "");
    this.wiring.set(nothing, nothing, [], [], () => undefined);
    this.rings.set([]);
    this.resize();
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
    this.nodes.setTheme(theme);
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
      const began = performance.now();
      if (this.hasMoved && this.layers.length) this.orbit.settle(this.layers);
      this.waiting = 0;
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
    const neuron = this.neurons.of(unit);
    return neuron ? this.projectPoint(neuron.at) : null;
  }

  /** How many pixels a neuron reaches from its middle. */
  reachOf(unit: Unit): number {
    const neuron = this.neurons.of(unit);
    return neuron ? this.projection.reach(neuron) : 0;
  }

  /** Where the neurons are on the page. */
  get unitBoxes(): Box[] {
    return this.projection.boxes(this.neurons.all);
  }

  projectPoint(point: Point): Projected {
    return this.projection.of(point);
  }

  /** The neuron under a point of the canvas. */
  pick(x: number, y: number): Unit | null {
    return this.projection.pick(this.neurons.all, x, y);
  }

  /** The closed block under a point of the canvas, by its place in the snapshot. */
  pickBlock(x: number, y: number): number | null {
    return blockAt(this.layers, (point) => this.projectPoint(point), x, y);
  }

  colorOf(unit: Unit): string {
    return this.nodes.colorOf(this.neurons.placeOf(unit) ?? -1);
  }

  /** How a connection is drawn, or null where it is not among the strongest. */
  lineOf(from: Unit, to: Unit): { width: number; color: string } | null {
    return this.wiring.lineOf(this.neurons.placeOf(from), this.neurons.placeOf(to));
  }

  /** The colours of the rings around a neuron. */
  ringsOf(unit: Unit): string[] {
    const neuron = this.neurons.of(unit);
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
    this.neurons.place(snapshot, layers);
    this.nodes.set(
      this.neurons.all.map((neuron) => ({
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
    this.rings.set(ringsOf(this.marks, this.neurons, this.theme, this.focus));
    this.invalidate();
  }

  /** Gives all that depends on the step its colour, size and opacity. */
  private paint(): void {
    const snapshot = this.snapshot;
    if (!snapshot) return;
    const began = performance.now();
    const activity = this.neurons.all.map((neuron) => this.neurons.activity(snapshot, neuron, this.step, this.now));
    this.nodes.paint((at) => {
      const value = activity[at] as number;
      return { color: sequential(value), scale: 0.8 + 0.38 * value + (this.neurons.all[at]?.analysed ? 0.3 : 0) };
    });
    const focus = [this.marks.hovered, this.marks.chosen]
      .map((unit) => (unit ? this.neurons.placeOf(unit) : undefined))
      .find((at) => at !== undefined);
    const step = Math.floor(this.step);
    const earlier = (at: number) => this.neurons.activity(snapshot, this.neurons.all[at] as Neuron, step, this.now);
    this.wiring.paint(activity, earlier, focus);
    this.spent += performance.now() - began;
    this.draws();
  }

  private resize(): void {
    // Without a network nothing is seen of the canvas: it holds no memory, and no size of the run before.
    const { clientWidth: width, clientHeight: height } = this.snapshot ? this.host : { clientWidth: 1, clientHeight: 1 };
    if (!width || !height) return;
    this.renderer.setSize(width, height);
    this.orbit.resize(width, height);
    this.wiring.resize(width, height, this.renderer.getPixelRatio());
    this.invalidate();
  }
}
