// A camera that turns around the network, and finds the distance from which all of it is seen.
import { PerspectiveCamera, Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { PlacedLayer } from "../layout/network";
import { cornersOf } from "./outline";

/** How much of the picture's width the network fills: names at its ends are wider than it. */
const WIDE = 0.86;
const VIEW = new Vector3(0.7, 0.3, 1).normalize();
const RIGHT = new Vector3().crossVectors(new Vector3(0, 1, 0), VIEW).normalize();
const UP = new Vector3().crossVectors(VIEW, RIGHT);
const NEAREST = 8;
/** How far from a layer a view is that was moved to it, at least, in radii of the layer. */
const BESIDE = 3;

export interface Pose {
  position: [number, number, number];
  target: [number, number, number];
}

/**
 * The least distance from which all points are seen between two slopes of one direction of the picture, and where in that direction
 * the camera stands at a distance so that there is as much room on both sides. Each point gives two linear conditions:
 * low * depth <= p - camera <= high * depth.
 */
function place(points: readonly Vector3[], direction: Vector3, low: number, high: number) {
  const seen = points.map((point) => ({ at: point.dot(direction), near: point.dot(VIEW) }));
  const first = Math.min(...seen.map(({ at, near }) => at + low * near));
  const last = Math.max(...seen.map(({ at, near }) => at + high * near));
  return {
    least: (last - first) / (high - low),
    middle(distance: number): number {
      let [from, to] = [last - high * distance, first - low * distance];
      for (let round = 0; round < 32; round++) {
        const camera = (from + to) / 2;
        const slopes = seen.map(({ at, near }) => (at - camera) / (distance - near));
        if (Math.max(...slopes) + Math.min(...slopes) > low + high) from = camera;
        else to = camera;
      }
      return (from + to) / 2;
    },
  };
}

/** What of a picture the network may fill: the parts of its height that words need, and how much wider it is than tall. */
export interface Room {
  above: number;
  below: number;
  aspect: number;
}

export class Orbit {
  /** What the view was last fitted for. */
  private fitted = "";
  /** Whether a person turned or zoomed since the network was last fitted: then a resize leaves the view alone. */
  moved = false;
  readonly camera = new PerspectiveCamera(32, 1, 0.5, 2000);
  readonly controls: OrbitControls;
  /** Another network that is seen from the same place: the view is so far away that all of both is seen. */
  beside: () => { layers: readonly PlacedLayer[]; room: Room } | null = () => null;
  /** What words need of the picture above and below the network, as parts of its height. */
  words: () => Pick<Room, "above" | "below"> = () => ({ above: 0.12, below: 0.2 });
  /** Called when a person has turned or zoomed, and with null when all of the network is seen again. */
  onturned: (pose: Pose | null) => void = () => {};

  constructor(element: HTMLElement, changed: () => void) {
    this.controls = new OrbitControls(this.camera, element);
    this.controls.enableDamping = false;
    this.controls.zoomToCursor = true;
    this.controls.addEventListener("change", changed);
    this.controls.addEventListener("start", () => (this.moved = true));
    this.controls.addEventListener("end", () => this.onturned(this.pose));
  }

  /** Looks at the whole network from the front, a little from above, and fills the picture with it. */
  fit(layers: readonly PlacedLayer[]): void {
    const { corners, room } = this.shown(layers);
    const { above, below, aspect } = room;
    const tall = Math.tan(((this.camera.fov / 2) * Math.PI) / 180);
    const wide = WIDE * tall * aspect;
    const across = place(corners, RIGHT, -wide, wide);
    const upward = place(corners, UP, (2 * below - 1) * tall, (1 - 2 * above) * tall);
    const distance = Math.max(NEAREST, across.least, upward.least);
    const target = new Vector3().addScaledVector(RIGHT, across.middle(distance)).addScaledVector(UP, upward.middle(distance));
    this.look(target, distance);
    this.controls.target.copy(target);
    this.controls.minDistance = distance * 0.08;
    this.controls.maxDistance = distance * 4;
    this.controls.update();
    this.moved = false;
    this.fitted = JSON.stringify([corners, room]);
    this.onturned(null);
  }

  /** Fits again where the words, the picture or the network beside have changed since, unless a person has turned or zoomed. */
  settle(layers: readonly PlacedLayer[]): void {
    if (this.moved) return;
    const { corners, room } = this.shown(layers);
    if (JSON.stringify([corners, room]) !== this.fitted) this.fit(layers);
  }

  /** What is to be seen, and in which room: both networks that are seen from the same place have the smaller one. */
  private shown(layers: readonly PlacedLayer[]): { corners: Vector3[]; room: Room } {
    const other = this.beside();
    const corners = [...layers, ...(other?.layers ?? [])].flatMap((layer) =>
      cornersOf(layer).map(([y, z]) => new Vector3(layer.x, y, z)),
    );
    if (!corners.length) corners.push(new Vector3());
    const [own, beside] = [this.room, other?.room ?? this.room];
    return {
      corners,
      room: {
        above: Math.max(own.above, beside.above),
        below: Math.max(own.below, beside.below),
        aspect: Math.min(own.aspect, beside.aspect),
      },
    };
  }

  /** The room of this picture alone. */
  get room(): Room {
    return { ...this.words(), aspect: this.camera.aspect };
  }

  get pose(): Pose {
    return { position: this.camera.position.toArray(), target: this.controls.target.toArray() };
  }

  /** Looks from where somebody looked before. */
  take({ position, target }: Pose): void {
    this.moved = true;
    this.camera.position.set(...position);
    this.controls.target.set(...target);
    this.controls.update();
  }

  /** Moves so that a layer is in the middle, seen from the same side, and from the same distance where that is not inside of it. */
  lookTo({ x, radius }: PlacedLayer): void {
    this.moved = true;
    const away = this.camera.position.clone().sub(this.controls.target);
    away.setLength(Math.max(away.length(), BESIDE * radius));
    this.controls.target.set(x, 0, 0);
    this.camera.position.copy(this.controls.target).add(away);
    this.controls.update();
    this.onturned(this.pose);
  }

  private look(target: Vector3, distance: number): void {
    this.camera.near = distance / 50;
    this.camera.far = distance * 12;
    this.camera.position.copy(VIEW).multiplyScalar(distance).add(target);
    this.camera.lookAt(target);
    this.camera.updateProjectionMatrix();
    this.camera.updateMatrixWorld();
  }

  /** Turns by angles (radians) and zooms by a factor: what keys do. */
  move(around: number, over: number, zoom: number): void {
    this.moved = true;
    const offset = this.camera.position.clone().sub(this.controls.target);
    const length = Math.min(this.controls.maxDistance, Math.max(this.controls.minDistance, offset.length() * zoom));
    const theta = Math.atan2(offset.x, offset.z) + around;
    const phi = Math.min(Math.PI - 0.05, Math.max(0.05, Math.acos(offset.y / offset.length()) + over));
    offset.setFromSphericalCoords(length, phi, theta);
    this.camera.position.copy(this.controls.target).add(offset);
    this.controls.update();
    this.onturned(this.pose);
  }

  resize(width: number, height: number): void {
    this.camera.aspect = width / Math.max(1, height);
    this.camera.updateProjectionMatrix();
  }

  dispose(): void {
    this.controls.dispose();
  }
}
