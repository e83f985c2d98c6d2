// Where the units of a causal system are on the page: the two parts of the minimum-information partition side by side.
import type { Cut } from "../data/types";

export interface Place {
  x: number;
  y: number;
  part: 0 | 1 | null;
}

export interface CausalLayout {
  places: Place[];
  /** Centre and radius of each part's ground. */
  parts: { x: number; y: number; radius: number }[];
  width: number;
  height: number;
}

export const NODE = 19;

export function placeCausal(n: number, cut: Cut | null, width: number, height: number): CausalLayout {
  const middle = height / 2;
  if (!cut) {
    const radius = Math.min(width, height) / 2 - NODE - 26;
    return { places: circle(all(n), width / 2, middle, n > 1 ? radius : 0, null), parts: [], width, height };
  }
  const radii = [cut.from_nodes, cut.to_nodes].map((nodes) => Math.min(middle - NODE - 22, partRadius(nodes.length)));
  const [first, second] = radii as [number, number];
  const room = width - 2 * (first + second) - 4 * NODE;
  const left = Math.max(NODE + 14, room / 3.2) + NODE + first;
  const right = width - Math.max(NODE + 14, room / 3.2) - NODE - second;
  const places: Place[] = new Array(n);
  cut.from_nodes.forEach((node, at) => (places[node] = circle(cut.from_nodes, left, middle, first, 0)[at] as Place));
  cut.to_nodes.forEach((node, at) => (places[node] = circle(cut.to_nodes, right, middle, second, 1)[at] as Place));
  for (let node = 0; node < n; node++) places[node] ??= { x: width / 2, y: height - NODE - 4, part: null };
  return {
    places,
    parts: [
      { x: left, y: middle, radius: first + NODE + 12 },
      { x: right, y: middle, radius: second + NODE + 12 },
    ],
    width,
    height,
  };
}

const all = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const partRadius = (n: number): number => (n <= 1 ? 0 : n === 2 ? 34 : Math.max(46, (n * 62) / (2 * Math.PI)));

function circle(nodes: readonly number[], x: number, y: number, radius: number, part: 0 | 1 | null): Place[] {
  return nodes.map((_, i) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / nodes.length;
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle), part };
  });
}

/** An SVG path of an arrow that ends at the rims of its nodes and bends to its left, so that both directions are seen. */
export function arrowPath(from: Place, to: Place): string {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy) || 1;
  const bend = Math.min(26, length * 0.16);
  const middle = { x: (from.x + to.x) / 2 + (dy / length) * bend, y: (from.y + to.y) / 2 - (dx / length) * bend };
  const start = towards(from, middle, NODE + 2);
  const end = towards(to, middle, NODE + 7);
  return `M${round(start.x)} ${round(start.y)} Q${round(middle.x)} ${round(middle.y)} ${round(end.x)} ${round(end.y)}`;
}

/** The middle of an arrow of arrowPath: where a severed connection is marked. */
export function arrowMiddle(from: Place, to: Place): { x: number; y: number } {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy) || 1;
  const bend = Math.min(26, length * 0.16) / 2;
  return { x: (from.x + to.x) / 2 + (dy / length) * bend, y: (from.y + to.y) / 2 - (dx / length) * bend };
}

/** A small loop on the side of a node that looks away from the centre of its part. */
export function loopPath(node: Place, centre: { x: number; y: number }): string {
  const away =
    Math.hypot(node.x - centre.x, node.y - centre.y) < 1 ? -Math.PI / 2 : Math.atan2(node.y - centre.y, node.x - centre.x);
  const at = (angle: number, distance: number) =>
    `${round(node.x + distance * Math.cos(angle))} ${round(node.y + distance * Math.sin(angle))}`;
  return `M${at(away - 0.55, NODE + 1)} C${at(away - 0.8, NODE + 22)} ${at(away + 0.8, NODE + 22)} ${at(away + 0.5, NODE + 6)}`;
}

function towards(from: { x: number; y: number }, to: { x: number; y: number }, distance: number): { x: number; y: number } {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return { x: from.x + ((to.x - from.x) * distance) / length, y: from.y + ((to.y - from.y) * distance) / length };
}

const round = (value: number): number => Math.round(value * 10) / 10;
