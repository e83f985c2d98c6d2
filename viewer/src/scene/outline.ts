// A thin outline around each layer, in the figure that it has. One draw call.
import { BufferAttribute, BufferGeometry, LineBasicMaterial, LineSegments } from "three";
import type { PlacedLayer } from "../layout/network";

const BEYOND = 0.9;
const CORNERS = 72;

export class Outline {
  readonly mesh = new LineSegments(new BufferGeometry(), new LineBasicMaterial());

  set(layers: readonly PlacedLayer[]): void {
    const points: number[] = [];
    for (const layer of layers) {
      const corners = cornersOf(layer);
      corners.forEach(([y, z], at) => {
        const [nextY, nextZ] = corners[(at + 1) % corners.length] as [number, number];
        points.push(layer.x, y, z, layer.x, nextY, nextZ);
      });
    }
    this.mesh.geometry.dispose();
    this.mesh.geometry = new BufferGeometry();
    this.mesh.geometry.setAttribute("position", new BufferAttribute(new Float32Array(points), 3));
  }

  color(ink: number): void {
    this.mesh.material.color.set(ink);
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }
}

/** The corners of the outline of a layer, in its plane. */
export function cornersOf({ radius, figure, points, closed }: PlacedLayer): [number, number][] {
  if (figure === "grid") {
    const reach = (axis: 1 | 2) => Math.max(0.5, ...points.map((node) => Math.abs(node[axis]))) + BEYOND;
    const [high, deep] = closed ? [radius, radius] : [reach(1), reach(2)];
    return [
      [high, deep],
      [high, -deep],
      [-high, -deep],
      [-high, deep],
    ];
  }
  const reach = radius + BEYOND;
  return Array.from({ length: CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    return [reach * Math.cos(angle), reach * Math.sin(angle)];
  });
}
