// Where the units of a causal system are on the page: the parts of its partition side by side, more than two on an ellipse.
import type { Part } from "./parts";

export interface Place {
  x: number;
  y: number;
  /** The part it is in; null where there are none. */
  part: number | null;
}

export interface CausalLayout {
  places: Place[];
  /** Centre and radius of each part's ground. */
  parts: { x: number; y: number; radius: number }[];
  width: number;
  height: number;
}

export const NODE = 19;
const RIM = 12;
const NAME = 20;

export function placeCausal(n: number, parts: readonly Pick<Part, "nodes">[], width: number, height: number): CausalLayout {
  if (!parts.length) {
    const radius = Math.min(width, height) / 2 - NODE - 26;
    return { places: circle(all(n), width / 2, height / 2, n > 1 ? radius : 0, null), parts: [], width, height };
  }
  const middle = height / 2;
  const most = parts.length > 2 ? 60 : middle - NODE - 22;
  const radii = parts.map(({ nodes }) => Math.min(most, partRadius(nodes.length)));
  if (parts.length > 2) return placed(parts, radii, around(radii, width, height), width, height);
  const [first, second] = radii as [number, number];
  const room = width - 2 * (first + second) - 4 * NODE;
  const left = Math.max(NODE + 14, room / 3.2) + NODE + first;
  const right = width - Math.max(NODE + 14, room / 3.2) - NODE - second;
  const centres = [left, right].map((x) => ({ x, y: middle }));
  return placed(parts, radii, centres, width, height);
}

type Centre = { x: number; y: number };

function placed(
  parts: readonly Pick<Part, "nodes">[],
  radii: readonly number[],
  centres: readonly Centre[],
  width: number,
  height: number,
): CausalLayout {
  const places: Place[] = [];
  const grounds = parts.map(({ nodes }, part) => {
    const { x, y } = centres[part] as Centre;
    const radius = radii[part] ?? 0;
    const at = circle(nodes, x, y, radius, part);
    nodes.forEach((node, index) => (places[node] = at[index] as Place));
    return { x, y, radius: radius + NODE + RIM };
  });
  return { places, parts: grounds, width, height: Math.max(height, ...grounds.map(({ y, radius }) => y + radius + RIM)) };
}

/** Centres on an ellipse, clockwise from the top, which is made higher until no two parts overlap. */
function around(radii: readonly number[], width: number, height: number): Centre[] {
  const hulls = radii.map((radius) => radius + NODE + RIM);
  const widest = Math.max(...hulls);
  const total = hulls.reduce((sum, hull) => sum + hull, 0);
  const turns: number[] = [];
  let done = -(hulls[0] as number) / 2;
  for (const hull of hulls) {
    turns.push(-Math.PI / 2 + (2 * Math.PI * (done + hull / 2)) / total);
    done += hull;
  }
  for (let high = height / 2 - widest - NAME; ; high += 10) {
    const centres = turns.map((turn) => ({
      x: width / 2 + (width / 2 - widest - 4) * Math.cos(turn),
      y: high + widest + NAME + high * Math.sin(turn),
    }));
    if (high > 2 * width || centres.every((one, at) => isFree(one, at, centres, hulls))) return centres;
  }
}

const isFree = (one: Centre, at: number, centres: readonly Centre[], hulls: readonly number[]): boolean =>
  centres
    .slice(0, at)
    .every((other, before) => Math.hypot(one.x - other.x, one.y - other.y) > (hulls[at] ?? 0) + (hulls[before] ?? 0) + 6);

const all = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const partRadius = (n: number): number => (n <= 1 ? 0 : n === 2 ? 34 : Math.max(46, (n * 62) / (2 * Math.PI)));

function circle(nodes: readonly number[], x: number, y: number, radius: number, part: number | null): Place[] {
  return nodes.map((_, i) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / nodes.length;
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle), part };
  });
}

type Point = { x: number; y: number };

/** How far an arrow bends, in parts of what is usual; it bends more where it would lead through a unit that it is not of. */
const BENDS = [1, 1.7, 2.4, 3.2, 4];
/** How far it keeps away from the rim of such a unit. */
const AWAY = 5;
/** So far apart are the marks of severed arrows, where there is room. */
const MARK = 12;
const ALONG = Array.from({ length: 41 }, (_, at) => at / 40);

/** An SVG path of an arrow that ends at the rims of its nodes and bends to its left, so that both directions are seen. */
export function arrowPath(from: Point, to: Point, others: readonly Point[] = []): string {
  const { start, middle, end } = arrowCurve(from, to, others);
  return `M${round(start.x)} ${round(start.y)} Q${round(middle.x)} ${round(middle.y)} ${round(end.x)} ${round(end.y)}`;
}

/**
 * Where a severed arrow of arrowPath has its mark: in the middle of what lies outside of the parts that it joins, or as near to it as
 * the marks allow that are there already.
 */
export function severedPlace(
  from: Point,
  to: Point,
  others: readonly Point[],
  parts: CausalLayout["parts"],
  marks: readonly Point[],
): Point {
  const curve = arrowCurve(from, to, others);
  const outside = ALONG.map((along) => pointOf(curve, along)).filter((point) =>
    parts.every((part) => distance(point, part) > part.radius),
  );
  const middle = outside[Math.floor(outside.length / 2)] ?? pointOf(curve, 0.5);
  const free = outside.filter((point) => marks.every((mark) => distance(point, mark) >= MARK));
  return free.reduce((best, point) => (distance(point, middle) < distance(best, middle) ? point : best), free[0] ?? middle);
}

interface ArrowCurve {
  start: Point;
  middle: Point;
  end: Point;
}

function arrowCurve(from: Point, to: Point, others: readonly Point[]): ArrowCurve {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = distance(from, to) || 1;
  const clear = (curve: ArrowCurve) =>
    Math.min(...ALONG.flatMap((along) => others.map((other) => distance(pointOf(curve, along), other))), NODE + AWAY);
  const bent = BENDS.map((part) => {
    const bend = part * Math.min(26, length * 0.16);
    const middle = { x: (from.x + to.x) / 2 + (dy / length) * bend, y: (from.y + to.y) / 2 - (dx / length) * bend };
    return { start: towards(from, middle, NODE + 2), middle, end: towards(to, middle, NODE + 7) };
  });
  return bent.reduce((best, curve) => (clear(curve) > clear(best) ? curve : best));
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

/** A point of a quadratic curve. */
function pointOf({ start, middle, end }: ArrowCurve, along: number): Point {
  const [first, second, third] = [(1 - along) ** 2, 2 * along * (1 - along), along ** 2];
  return { x: first * start.x + second * middle.x + third * end.x, y: first * start.y + second * middle.y + third * end.y };
}

/** A small loop on the side of a node that looks away from the centre of its part. */
export function loopPath(node: Place, centre: { x: number; y: number }): string {
  const away =
    Math.hypot(node.x - centre.x, node.y - centre.y) < 1 ? -Math.PI / 2 : Math.atan2(node.y - centre.y, node.x - centre.x);
  const at = (angle: number, distance: number) =>
    `${round(node.x + distance * Math.cos(angle))} ${round(node.y + distance * Math.sin(angle))}`;
  return `M${at(away - 0.55, NODE + 1)} C${at(away - 0.8, NODE + 22)} ${at(away + 0.8, NODE + 22)} ${at(away + 0.5, NODE + 6)}`;
}

function towards(from: Point, to: Point, by: number): Point {
  const length = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) * by) / length, y: from.y + ((to.y - from.y) * by) / length };
}

const round = (value: number): number => Math.round(value * 10) / 10;
