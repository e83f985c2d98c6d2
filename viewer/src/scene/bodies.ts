// Closed blocks: a body for each, through which its analysed units are seen. One draw call.
import { BoxGeometry, InstancedMesh, Matrix4, MeshBasicMaterial } from "three";
import type { PlacedLayer, Point } from "../layout/network";

const DEEP = 2.6;

export class Bodies {
  mesh: InstancedMesh<BoxGeometry, MeshBasicMaterial> | null = null;
  private readonly material = new MeshBasicMaterial({ transparent: true, opacity: 0.34, depthWrite: false });
  private readonly solid = new BoxGeometry(1, 1, 1);

  set(layers: readonly PlacedLayer[]): void {
    const closed = layers.filter((layer) => layer.closed);
    this.mesh?.removeFromParent();
    this.mesh?.dispose();
    this.mesh = closed.length ? new InstancedMesh(this.solid, this.material, closed.length) : null;
    closed.forEach(({ x, radius }, at) => {
      this.mesh?.setMatrixAt(at, new Matrix4().makeScale(DEEP, 2 * radius, 2 * radius).setPosition(x, 0, 0));
    });
    this.mesh?.computeBoundingSphere();
  }

  color(ink: number): void {
    this.material.color.set(ink);
  }

  dispose(): void {
    this.mesh?.dispose();
    this.solid.dispose();
    this.material.dispose();
  }
}

type Project = (point: Point) => { x: number; y: number; depth: number };

/** The foremost closed block that is seen at a place, by its own place in the snapshot. */
export function blockAt(layers: readonly PlacedLayer[], project: Project, x: number, y: number): number | null {
  const hit = layers.filter((layer) => {
    const seen = layer.closed ? cornersOf(layer).map(project) : [];
    const [xs, ys] = [seen.map((at) => at.x), seen.map((at) => at.y)];
    return Math.min(...xs) <= x && x <= Math.max(...xs) && Math.min(...ys) <= y && y <= Math.max(...ys);
  });
  const depth = (layer: PlacedLayer) => project([layer.x, 0, 0]).depth;
  return hit.sort((a, b) => depth(a) - depth(b))[0]?.block ?? null;
}

const cornersOf = ({ x, radius }: PlacedLayer): Point[] =>
  [-1, 1].flatMap((a) => [-1, 1].flatMap((b) => [-1, 1].map((c): Point => [x + (a * DEEP) / 2, b * radius, c * radius])));
