// The strongest relations between distinctions (Albantakis et al. 2023), computed from the distinctions, as records hold only their number.
import type { Distinction } from "../data/types";

export interface Relation {
  /** Which of the distinctions it binds: their positions, ascending; a single one where its cause and effect overlap. */
  members: number[];
  /** The nodes that they have in common, each in one state. */
  nodes: number[];
  state: number[];
  phi: number;
}

/** What relations see of a distinction: its atoms are nodes in a state, as bits of a mask. */
interface Bound {
  at: number;
  atoms: number;
  /** φ_d for each atom. */
  share: number;
}

interface Waiting {
  phi: number;
  places: number[];
  overlap: number;
  alone: boolean;
}

/**
 * At most so many relations, in descending order of φ_r: the number of common atoms times the smallest φ_d for each atom.
 *
 * A further distinction makes neither the overlap nor the smallest share larger. So a set is looked at when the one without its
 * distinction of smallest share was the largest of those that are left.
 */
export function strongestRelations(distinctions: readonly Distinction[], most: number): Relation[] {
  const bounds = distinctions.map(boundOf).sort((a, b) => b.share - a.share);
  const waiting: Waiting[] = bounds.map(({ atoms, share }, at) => ({
    phi: size(atoms) * share,
    places: [at],
    overlap: atoms,
    alone: false,
  }));
  bounds.forEach(({ at, share }, place) => {
    const one = distinctions[at] as Distinction;
    const both = atomsOf(one.cause) & atomsOf(one.effect);
    if (both) waiting.push({ phi: size(both) * share, places: [place], overlap: both, alone: true });
  });
  const found: Relation[] = [];
  while (waiting.length && found.length < most) {
    const next = takeLargest(waiting);
    if (next.alone || next.places.length > 1) found.push(relationOf(next, bounds));
    if (next.alone) continue;
    for (let place = (next.places.at(-1) as number) + 1; place < bounds.length; place++) {
      const { atoms, share } = bounds[place] as Bound;
      const overlap = next.overlap & atoms;
      if (overlap) waiting.push({ phi: size(overlap) * share, places: [...next.places, place], overlap, alone: false });
    }
  }
  return found;
}

function boundOf(distinction: Distinction, at: number): Bound {
  const atoms = atomsOf(distinction.cause) | atomsOf(distinction.effect);
  return { at, atoms, share: distinction.phi / size(atoms) };
}

const atomsOf = ({ nodes, state }: Distinction["cause"]): number =>
  nodes.reduce((mask, node, at) => mask | (1 << (2 * node + (state[at] ?? 0))), 0);

function size(mask: number): number {
  let bits = 0;
  for (let left = mask; left; left &= left - 1) bits++;
  return bits;
}

function takeLargest(waiting: Waiting[]): Waiting {
  let best = 0;
  waiting.forEach(({ phi }, at) => {
    if (phi > (waiting[best] as Waiting).phi) best = at;
  });
  return waiting.splice(best, 1)[0] as Waiting;
}

function relationOf({ phi, places, overlap }: Waiting, bounds: readonly Bound[]): Relation {
  const atoms = Array.from({ length: 31 }, (_, bit) => bit).filter((bit) => (overlap >> bit) & 1);
  return {
    phi,
    members: places.map((place) => (bounds[place] as Bound).at).sort((a, b) => a - b),
    nodes: atoms.map((bit) => bit >> 1),
    state: atoms.map((bit) => bit & 1),
  };
}
