// Where each neuron is in space: layers one behind the other along x, each in a figure of its own kind.
import type { NetworkLayer, NetworkSnapshot } from "../data/types";
import type { Figure } from "./kinds";
import { lookOf } from "./kinds";

export type Point = [number, number, number];

export interface PlacedLayer {
  name: string;
  x: number;
  radius: number;
  /** One point for each sampled unit. */
  points: Point[];
  /** How large a node is drawn. */
  size: number;
  figure: Figure;
}

const GAP = 1;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

export function figureOf(layer: NetworkLayer): Figure {
  const { figure } = lookOf(layer.kind);
  return figure === "clusters" && layer.heads <= 1 ? "disc" : figure;
}

/** The layers from left to right, the whole centred on the origin. */
export function placeNetwork(snapshot: NetworkSnapshot): PlacedLayer[] {
  const flat = snapshot.layers.map((layer) => ({ layer, flat: placeLayer(layer) }));
  const radii = flat.map(({ flat }) => Math.max(1.5, ...flat.map(([y, z]) => Math.hypot(y, z))));
  const wide = snapshot.layers.length <= 5 ? 1.3 : 1;
  const xs: number[] = [];
  radii.forEach((radius, index) => {
    const before = radii[index - 1];
    xs.push(before === undefined ? 0 : (xs[index - 1] as number) + wide * Math.max(7, 0.8 * (before + radius) + 3.5));
  });
  const middle = ((xs[0] ?? 0) + (xs[xs.length - 1] ?? 0)) / 2;
  return flat.map(({ layer, flat }, index) => ({
    name: layer.name,
    x: (xs[index] as number) - middle,
    radius: radii[index] as number,
    points: flat.map(([y, z]) => [(xs[index] as number) - middle, y, z]),
    size: 0.36,
    figure: figureOf(layer),
  }));
}

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

/** Points from one neuron to another; within a layer an arc that leaves it and comes back. */
export function pathBetween(from: Point, to: Point, recurrent: boolean): Point[] {
  if (!recurrent) return [from, to];
  const same = from[1] === to[1] && from[2] === to[2];
  const reach = same ? 1.6 : 0.9 + 0.28 * Math.hypot(to[1] - from[1], to[2] - from[2]);
  const bend: Point = same
    ? [from[0] + reach, from[1] * 1.25 + 0.5, from[2] * 1.25]
    : [from[0] + reach * 1.6, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2];
  const parts = 6;
  return Array.from({ length: parts + 1 }, (_, step) => {
    const t = step / parts;
    const at = (axis: 0 | 1 | 2) => (1 - t) ** 2 * from[axis] + 2 * t * (1 - t) * bend[axis] + t ** 2 * to[axis];
    return [at(0), at(1), at(2)];
  });
}
