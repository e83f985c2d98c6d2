// A camera that turns around the network, and finds the distance from which all of it is seen.
import { PerspectiveCamera, Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { PlacedLayer } from "../layout/network";

const SIDES = [
  [1, 1],
  [1, -1],
  [-1, 1],
  [-1, -1],
] as const;
/** How far above the middle the network stands, as a part of half the height: room for the names. */
const BELOW = 0.02;
const VIEW = new Vector3(0.78, 0.42, 1).normalize();

export interface Pose {
  position: [number, number, number];
  target: [number, number, number];
}

export class Orbit {
  /** Whether a person turned or zoomed since the network was last fitted: then a resize leaves the view alone. */
  moved = false;
  readonly camera = new PerspectiveCamera(32, 1, 0.5, 2000);
  readonly controls: OrbitControls;
  /** Another network that is seen from the same place: the view is so far away that all of both is seen. */
  beside: () => { layers: readonly PlacedLayer[]; aspect: number } | null = () => null;
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
    const other = this.beside();
    const own = this.camera.aspect;
    this.camera.aspect = Math.min(own, other?.aspect ?? own);
    const corners = [...layers, ...(other?.layers ?? [])].flatMap(({ x, radius }) =>
      SIDES.map(([y, z]) => new Vector3(x, radius * 0.8 * y - (y < 0 ? 1 : 0), radius * 0.8 * z)),
    );
    const right = new Vector3().crossVectors(new Vector3(0, 1, 0), VIEW).normalize();
    const up = new Vector3().crossVectors(VIEW, right);
    const target = new Vector3();
    const tall = Math.tan(((this.camera.fov / 2) * Math.PI) / 180);
    let distance = 4 * Math.max(6, ...corners.map((corner) => corner.length()));
    // Perspective makes the near end larger, so centre and distance settle in a few rounds.
    for (let round = 0; round < 6 && corners.length; round++) {
      this.look(target, distance);
      const seen = corners.map((corner) => corner.clone().project(this.camera));
      const [xs, ys] = [seen.map(({ x }) => x), seen.map(({ y }) => y)];
      const wide = Math.max(...xs) - Math.min(...xs);
      const high = Math.max(...ys) - Math.min(...ys);
      target.addScaledVector(right, ((Math.max(...xs) + Math.min(...xs)) / 2) * tall * this.camera.aspect * distance);
      target.addScaledVector(up, ((Math.max(...ys) + Math.min(...ys)) / 2 - BELOW) * tall * distance);
      distance *= Math.max(wide / 1.72, high / 1.36, 0.2);
      distance = Math.max(distance, 8);
    }
    this.camera.aspect = own;
    this.look(target, distance);
    this.controls.target.copy(target);
    this.controls.minDistance = distance * 0.08;
    this.controls.maxDistance = distance * 4;
    this.controls.update();
    this.moved = false;
    this.onturned(null);
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

  /** Moves so that a point is in the middle, seen from the same side and distance as before. */
  lookTo(point: [number, number, number]): void {
    this.moved = true;
    const by = new Vector3(...point).sub(this.controls.target);
    this.camera.position.add(by);
    this.controls.target.add(by);
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
