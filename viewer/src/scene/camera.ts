// A camera that turns around the network, and finds the distance from which all of it is seen.
import { PerspectiveCamera, Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { PlacedLayer } from "../layout/network";

const VIEW = new Vector3(0.42, 0.3, 1).normalize();

export class Orbit {
  readonly camera = new PerspectiveCamera(32, 1, 0.5, 2000);
  readonly controls: OrbitControls;

  constructor(element: HTMLElement, changed: () => void) {
    this.controls = new OrbitControls(this.camera, element);
    this.controls.enableDamping = false;
    this.controls.zoomToCursor = true;
    this.controls.addEventListener("change", changed);
  }

  /** Looks at the whole network from the front, a little from above. */
  fit(layers: readonly PlacedLayer[]): void {
    const right = new Vector3().crossVectors(new Vector3(0, 1, 0), VIEW).normalize();
    const up = new Vector3().crossVectors(VIEW, right);
    const high = Math.tan(((this.camera.fov / 2) * Math.PI) / 180);
    const wide = high * this.camera.aspect;
    let distance = 6;
    for (const { x, radius } of layers) {
      for (const [y, z] of [[1, 1], [1, -1], [-1, 1], [-1, -1]] as const) {
        const corner = new Vector3(x, radius * 0.8 * y - (y < 0 ? 1 : 0), radius * 0.8 * z);
        const depth = corner.dot(VIEW);
        distance = Math.max(
          distance,
          depth + (Math.abs(corner.dot(right)) + 0.8) / (wide * 0.94),
          depth + (Math.abs(corner.dot(up)) + 0.8) / (high * 0.84),
        );
      }
    }
    this.camera.near = distance / 50;
    this.camera.far = distance * 12;
    this.camera.position.copy(VIEW).multiplyScalar(distance);
    this.camera.updateProjectionMatrix();
    this.controls.target.set(0, 0, 0);
    this.controls.minDistance = distance * 0.08;
    this.controls.maxDistance = distance * 4;
    this.controls.update();
  }

  /** Turns by angles (radians) and zooms by a factor: what keys do. */
  move(around: number, over: number, zoom: number): void {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const length = Math.min(this.controls.maxDistance, Math.max(this.controls.minDistance, offset.length() * zoom));
    const theta = Math.atan2(offset.x, offset.z) + around;
    const phi = Math.min(Math.PI - 0.05, Math.max(0.05, Math.acos(offset.y / offset.length()) + over));
    offset.setFromSphericalCoords(length, phi, theta);
    this.camera.position.copy(this.controls.target).add(offset);
    this.controls.update();
  }

  resize(width: number, height: number): void {
    this.camera.aspect = width / Math.max(1, height);
    this.camera.updateProjectionMatrix();
  }

  dispose(): void {
    this.controls.dispose();
  }
}
