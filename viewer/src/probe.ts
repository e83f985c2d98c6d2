// What scripts and tests may read from the page; nothing in the page depends on it.
import type { WebGLInfo } from "three";
import type { Unit } from "./data/types";
import type { Pose } from "./scene/camera";
import type { NetworkScene } from "./scene/scene";
import type { AppState } from "./state/app";
import type { Store } from "./state/store";

type Side = "a" | "b";

export interface Place {
  x: number;
  y: number;
}

export interface Probe {
  state(): Readonly<AppState>;
  /** The element of each panel, in the order of their list. */
  panels(): readonly HTMLElement[];
  /** Where a neuron is in the window. */
  project(unit: Unit, side?: Side): Place | null;
  colorOf(unit: Unit, side?: Side): string;
  ringsOf(unit: Unit, side?: Side): string[];
  lineOf(from: Unit, to: Unit, side?: Side): { width: number; color: string } | null;
  pose(side?: Side): Pose | null;
  /** Where a value at an epoch is in the window, by the axes of the chart (of several the one at this place). */
  chartPlace(epoch: number, value: number, chart?: number): Place | null;
  setStep(step: number): void;
  setBeat(beat: AppState["beat"]): void;
  /** The counts of the graphics card, which go on after the scene is closed. */
  graphics(side?: Side): WebGLInfo | null;
  measure(): {
    frames: number;
    frameMs: number;
    calls: number;
    triangles: number;
    geometries: number;
    textures: number;
    neurons: number;
    pulses: number;
  } | null;
}

declare global {
  interface Window {
    lightningIIT?: Probe;
  }
}

/** What the page and its panels let be read, together. */
export function probe(
  store: Store<AppState>,
  panels: readonly { element: HTMLElement; probe?: Partial<Probe> | undefined }[],
): Probe {
  const own = { state: () => store.state, panels: () => panels.map(({ element }) => element), ...setters(store) };
  return Object.assign(own, ...panels.map((panel) => panel.probe)) as Probe;
}

const setters = (store: Store<AppState>): Pick<Probe, "setStep" | "setBeat"> => ({
  setStep: (step) => store.set({ step }),
  setBeat: (beat) => store.set({ beat }),
});

/** The part that is read of the scenes. */
export function networkProbe(sceneOf: (side: Side) => NetworkScene | null): Partial<Probe> {
  const scene = (side: Side = "a") => sceneOf(side);
  return {
    project: (unit, side) => {
      const at = scene(side)?.project(unit);
      const box = scene(side)?.renderer.domElement.getBoundingClientRect();
      return at && box ? { x: at.x + box.left, y: at.y + box.top } : null;
    },
    colorOf: (unit, side) => scene(side)?.colorOf(unit) ?? "",
    ringsOf: (unit, side) => scene(side)?.ringsOf(unit) ?? [],
    lineOf: (from, to, side) => scene(side)?.lineOf(from, to) ?? null,
    pose: (side) => scene(side)?.pose ?? null,
    graphics: (side) => scene(side)?.graphics ?? null,
    measure: () => measured(scene()),
  };
}

function measured(scene: NetworkScene | null): ReturnType<Probe["measure"]> {
  if (!scene) return null;
  const { render, memory } = scene.graphics;
  return {
    frames: scene.frames,
    frameMs: scene.lastFrameMs,
    calls: render.calls,
    triangles: render.triangles,
    geometries: memory.geometries,
    textures: memory.textures,
    neurons: scene.layers.reduce((sum, layer) => sum + layer.points.length, 0),
    pulses: scene.pulsesShown,
  };
}
