// The systems of the tour: three nodes each, with gates that err now and then.
import type { System } from "../engine/system";

export type Name = "majority" | "xor" | "mixed" | "chain";

interface Kind {
  name: string;
  /** What each node does, in words. */
  rule: string;
  /** `[from][to]`: where there can be a connection. */
  cm: number[][];
  /** Whether a node is ON next, if its gate does not err. */
  next: (node: number, state: number) => boolean;
}

export const N = 3;
const bit = (state: number, node: number) => (state >> (node % N)) & 1;
const votes = (state: number) => bit(state, 0) + bit(state, 1) + bit(state, 2);

export const KINDS: Record<Name, Kind> = {
  majority: {
    name: "Majority",
    rule: "Each part is ON next if at least two of the three are ON now.",
    cm: [
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ],
    next: (_, state) => votes(state) >= 2,
  },
  xor: {
    name: "XOR",
    rule: "Each part is ON next if exactly one of the two others is ON now.",
    cm: [
      [0, 1, 1],
      [1, 0, 1],
      [1, 1, 0],
    ],
    next: (node, state) => bit(state, node + 1) !== bit(state, node + 2),
  },
  mixed: {
    name: "OR, AND, XOR",
    rule: "A is ON next if B or C is ON, B if A and C are, and C if exactly one of A and B is.",
    cm: [
      [0, 1, 1],
      [1, 0, 1],
      [1, 1, 0],
    ],
    next: (node, state) => {
      const [a, b, c] = [bit(state, 0), bit(state, 1), bit(state, 2)];
      return Boolean([b | c, a & c, a ^ b][node]);
    },
  },
  chain: {
    name: "Chain",
    rule: "Each part copies the one before it: B copies A, and C copies B. If the ring is closed, A copies C.",
    cm: [
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ],
    next: (node, state) => bit(state, node + N - 1) === 1,
  },
};

export interface Setup {
  kind: Name;
  /** Which nodes are ON, as a mask. */
  state: number;
  /** The connections that are cut, as `connection(from, to)`. */
  cut: ReadonlySet<string>;
  /** How often a gate errs, from 0 to 0.5. */
  error: number;
}

export const connection = (from: number, to: number): string => `${from}-${to}`;

/** The connections of a kind of system, from and to, cut or not. */
export const connectionsOf = (kind: Name): [number, number][] =>
  KINDS[kind].cm.flatMap((row, from) => row.flatMap((there, to): [number, number][] => (there ? [[from, to]] : [])));

/** The system as the engine takes it: a cut connection brings noise in the place of what its source does. */
export function systemOf({ kind, state, cut, error }: Setup): System {
  const { next, cm } = KINDS[kind];
  const nodes = [...Array(N).keys()];
  const tpm = [...Array(2 ** N).keys()].map((x) => nodes.map((node) => (next(node, x) ? 1 - error : error)));
  return { tpm, state, cm: cm.map((row, from) => row.map((there, to) => (there && !cut.has(connection(from, to)) ? 1 : 0))) };
}
