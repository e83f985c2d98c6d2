// Where each neuron is in space: layers one behind the other along x, each in a figure of its own kind.
import type { NetworkLayer, NetworkSnapshot } from "../data/types";
import type { Body, Member } from "./blocks";
import { bodiesOf } from "./blocks";
import type { Figure } from "./kinds";
import { lookOf } from "./kinds";

export type Point = [number, number, number];

/** A layer, or a closed block, where it is in space. */
export interface PlacedLayer extends Body {
  x: number;
  radius: number;
  /** One point for each unit that is drawn. */
  points: Point[];
  figure: Figure;
}

const GAP = 1;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

export function figureOf(layer: NetworkLayer): Figure {
  const { figure } = lookOf(layer.kind);
  return figure === "clusters" && layer.heads <= 1 ? "disc" : figure;
}

/** Of more layers those away from the one in focus stand closer together. */
const MANY = 12;
const FOCUS = 3;
const CLOSER = 0.3;

/** How large a closed block is at least. */
const BLOCK = 2.4;

/**
 * The layers and closed blocks from left to right, the whole centred on the origin; `focus` is the place of the layer to which the
 * others make room.
 */
export function placeNetwork(
  snapshot: Pick<NetworkSnapshot, "layers"> & Partial<Pick<NetworkSnapshot, "blocks">>,
  focus: number | null = null,
  open: ReadonlySet<string> | null = null,
): PlacedLayer[] {
  const bodies = bodiesOf(snapshot, open);
  const at = bodies.findIndex(({ layers }) => focus !== null && layers.includes(focus));
  const isNear = (index: number) => at < 0 || bodies.length <= MANY || Math.abs(index - 0.5 - at) < FOCUS;
  const flat = bodies.map((body) => placeBody(body, snapshot.layers));
  const radii = flat.map((points, index) =>
    Math.max(bodies[index]?.closed ? BLOCK : 1.5, ...points.map(([y, z]) => Math.hypot(y, z))),
  );
  const wide = bodies.length <= 5 ? 1.3 : 1;
  const xs: number[] = [];
  radii.forEach((radius, index) => {
    const before = radii[index - 1];
    xs.push(
      before === undefined
        ? 0
        : (xs[index - 1] as number) + (isNear(index) ? wide : CLOSER) * Math.max(7, 0.8 * (before + radius) + 3.5),
    );
  });
  const middle = ((xs[0] ?? 0) + (xs[xs.length - 1] ?? 0)) / 2;
  return bodies.map((body, index) => ({
    ...body,
    x: (xs[index] as number) - middle,
    radius: radii[index] as number,
    points: (flat[index] as [number, number][]).map(([y, z]) => [(xs[index] as number) - middle, y, z]),
    figure: body.closed ? "grid" : figureOf(snapshot.layers[body.layers[0] as number] as NetworkLayer),
  }));
}

function placeBody({ closed, layers, members }: Body, all: readonly NetworkLayer[]): [number, number][] {
  return closed ? spread(members) : placeLayer(all[layers[0] as number] as NetworkLayer);
}

/** The analysed units of a closed block, with room for their rings. */
const spread = (members: readonly Member[]): [number, number][] => grid(members.length).map(([y, z]) => [1.5 * y, 1.5 * z]);

function placeLayer(layer: NetworkLayer): [number, number][] {
  const n = layer.indices.length;
  switch (figureOf(layer)) {
    case "grid":
      return grid(n);
    case "ring":
      return ring(n);
    case "clusters":
      return clusters(layer.indices, layer.width, layer.heads);
    default:
      return disc(n);
  }
}

/** A sunflower: even everywhere, for any number. */
function disc(n: number): [number, number][] {
  return Array.from({ length: n }, (_, i) => {
    const radius = GAP * 0.72 * Math.sqrt(i + (n > 1 ? 0.5 : 0));
    return [radius * Math.cos(i * GOLDEN), radius * Math.sin(i * GOLDEN)];
  });
}

function grid(n: number): [number, number][] {
  const columns = Math.max(1, Math.ceil(Math.sqrt(n)));
  const rows = Math.ceil(n / columns);
  return Array.from({ length: n }, (_, i) => [
    GAP * ((rows - 1) / 2 - Math.floor(i / columns)),
    GAP * ((i % columns) - (columns - 1) / 2),
  ]);
}

/** Rings within one another, so that the loops of a recurrent layer have room in the middle. */
function ring(n: number): [number, number][] {
  const radius = Math.max(1.6, (GAP * 1.05 * n) / (2 * Math.PI));
  const rings = radius > 5 ? 2 : 1;
  return Array.from({ length: n }, (_, i) => {
    const angle = (2 * Math.PI * i) / n;
    const own = rings === 1 ? radius : radius * (i % 2 ? 0.62 : 0.78);
    return [own * Math.cos(angle), own * Math.sin(angle)];
  });
}

/** One small disc for each head of an attention block. */
function clusters(indices: readonly number[], width: number, heads: number): [number, number][] {
  const of = indices.map((index) => Math.min(heads - 1, Math.floor((index * heads) / Math.max(1, width))));
  const sizes = Array.from({ length: heads }, (_, head) => of.filter((other) => other === head).length);
  const inner = GAP * 0.75 * Math.sqrt(Math.max(1, ...sizes));
  const radius = heads > 1 ? (inner + 0.5) / Math.sin(Math.PI / heads) : 0;
  const used = new Array<number>(heads).fill(0);
  return of.map((head) => {
    const place = used[head] as number;
    used[head] = place + 1;
    const [y, z] = disc(sizes[head] as number)[place] as [number, number];
    const angle = (2 * Math.PI * head) / heads;
    return [radius * Math.cos(angle) + y, radius * Math.sin(angle) + z];
  });
}

/** A curve: its two ends, and the point that bends it. */
export interface Curve {
  from: Point;
  bend: Point;
  to: Point;
}

/** The way from one body to another; one that passes over others goes above them. */
export function curveOver(from: PlacedLayer, to: PlacedLayer, between: readonly PlacedLayer[]): Curve {
  const high = between.length ? 1.2 + 2 * Math.max(...between.map(({ radius }) => radius)) + 0.12 * Math.abs(to.x - from.x) : 0;
  return { from: [from.x, 0, 0], bend: [(from.x + to.x) / 2, high, 0], to: [to.x, 0, 0] };
}

/** Points on the way from one body to another. */
export function pathOver(from: PlacedLayer, to: PlacedLayer, between: readonly PlacedLayer[]): Point[] {
  const curve = curveOver(from, to, between);
  return between.length ? bent(curve, 12) : [curve.from, curve.to];
}

/** What bends the way from one neuron to another: within a layer it leaves the layer and comes back. */
export function bendOf(from: Point, to: Point, recurrent: boolean): Point {
  if (!recurrent) return [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2];
  const same = from[1] === to[1] && from[2] === to[2];
  const reach = same ? 1.6 : 0.9 + 0.28 * Math.hypot(to[1] - from[1], to[2] - from[2]);
  return same
    ? [from[0] + reach, from[1] * 1.25 + 0.5, from[2] * 1.25]
    : [from[0] + reach * 1.6, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2];
}

/** Points from one neuron to another; within a layer an arc, and from a neuron to itself a loop. */
export function pathBetween(from: Point, to: Point, recurrent: boolean): Point[] {
  if (!recurrent) return [from, to];
  const bend = bendOf(from, to, recurrent);
  return isSame(from, to) ? loop(from, bend) : bent({ from, bend, to }, 6);
}

const isSame = (from: Point, to: Point): boolean => from.every((value, axis) => value === to[axis]);

/** How far a loop reaches, and how wide it is as a part of that. */
const REACH = 1.1;
const ROUND = 0.8;

/** A loop that leaves a neuron towards a point, and comes back to it: seen from the front it is round. */
function loop(from: Point, towards: Point, parts = 12): Point[] {
  const way = towards.map((value, axis) => value - (from[axis] as number));
  const reach = REACH / 2;
  const out = way.map((value) => (value * reach) / Math.hypot(...way)) as Point;
  const across: Point = [out[1] - 0.42 * out[2], 0.78 * out[2] - out[0], 0.42 * out[0] - 0.78 * out[1]];
  const aside = (ROUND * reach) / (Math.hypot(...across) || 1);
  return Array.from({ length: parts + 1 }, (_, step) => {
    const turn = (2 * Math.PI * (step % parts)) / parts;
    return from.map(
      (value, axis) => value + (out[axis] as number) * (1 - Math.cos(turn)) + aside * (across[axis] as number) * Math.sin(turn),
    ) as Point;
  });
}

/** A curve in so many straight pieces. */
function bent({ from, bend, to }: Curve, parts: number): Point[] {
  return Array.from({ length: parts + 1 }, (_, step) => {
    const t = step / parts;
    const at = (axis: 0 | 1 | 2) => (1 - t) ** 2 * from[axis] + 2 * t * (1 - t) * bend[axis] + t ** 2 * to[axis];
    return [at(0), at(1), at(2)];
  });
}
