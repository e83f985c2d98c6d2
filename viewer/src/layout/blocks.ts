// What of a network is drawn as one body: a layer, or a block that is closed.
import type { NetworkLayer, NetworkSnapshot } from "../data/types";

/** A unit of a body: the place of its layer, and its own among the sampled units of the layer. */
export interface Member {
  layer: number;
  position: number;
}

export interface Body {
  name: string;
  /** The block that it is or is in, by its place; null for a layer outside of blocks. */
  block: number | null;
  /** Whether it is a block in one body, whose layers are not drawn. */
  closed: boolean;
  /** The places of its layers in the snapshot. */
  layers: number[];
  /** The units that are drawn: of a closed block those that are analysed. */
  members: Member[];
}

/** Blocks of a network with at most so many layers are open at first. */
const FEW = 12;

/** The blocks that are open before a person opened or closed any. Snapshots of version 0.1.0 have no blocks. */
export function firstOpen(snapshot: Pick<NetworkSnapshot, "layers"> & Partial<Pick<NetworkSnapshot, "blocks">>): Set<string> {
  return new Set(snapshot.layers.length <= FEW ? (snapshot.blocks ?? []).map(({ name }) => name) : []);
}

/** The bodies in forward order; blocks that are not among the open ones are closed. */
export function bodiesOf(
  snapshot: Pick<NetworkSnapshot, "layers"> & Partial<Pick<NetworkSnapshot, "blocks">>,
  open: ReadonlySet<string> | null,
): Body[] {
  const blocks = snapshot.blocks ?? [];
  const blockOf = new Map(blocks.flatMap(({ layers }, block) => layers.map((layer) => [layer, block] as const)));
  const done = new Set<number>();
  return snapshot.layers.flatMap((layer, at): Body[] => {
    const block = blockOf.get(at) ?? null;
    const known = block === null ? undefined : blocks[block];
    if (!known || block === null || !open || open.has(known.name)) {
      return [{ name: layer.name, block, closed: false, layers: [at], members: membersOf(layer, at, false) }];
    }
    if (done.has(block)) return [];
    done.add(block);
    const members = known.layers.flatMap((inner) => membersOf(snapshot.layers[inner] as NetworkLayer, inner, true));
    return [{ name: known.name, block, closed: true, layers: known.layers, members }];
  });
}

function membersOf(layer: NetworkLayer, at: number, analysed: boolean): Member[] {
  return layer.indices.flatMap((index, position) => (analysed && !layer.analysed.includes(index) ? [] : [{ layer: at, position }]));
}

/** Between which bodies data flowed, each pair once, by their places. */
export function flowsOf(
  snapshot: Partial<Pick<NetworkSnapshot, "flows">>,
  bodies: readonly Body[],
): { from: number; to: number }[] {
  const bodyOf = new Map(bodies.flatMap(({ layers }, body) => layers.map((layer) => [layer, body] as const)));
  const pairs = (snapshot.flows ?? []).map(([from, to]) => [bodyOf.get(from), bodyOf.get(to)] as const);
  const found = new Map<string, { from: number; to: number }>();
  for (const [from, to] of pairs) {
    if (from !== undefined && to !== undefined && from !== to) found.set(`${from} ${to}`, { from, to });
  }
  return [...found.values()];
}

/** The parts of a block in words: attention, MLP. */
export function partsOf(snapshot: Pick<NetworkSnapshot, "layers">, layers: readonly number[]): string {
  const inside = layers.flatMap((at) => snapshot.layers[at] ?? []);
  const parts = [...new Set(inside.map(({ part }) => part).filter(Boolean))];
  return parts.length ? parts.join(" + ") : `${inside.length} layers`;
}
