// A system of a few nodes in a state: its TPM, and how each node behaves if only some of the others are known.
import { stronglyConnected } from "./sets";

/** How many nodes the engine of the page takes: the distances of IIT 3.0 are listed up to this size. */
export const MOST_NODES = 4;

export interface System {
  /** `[2 ** n][n]`: the probability that each node is ON next, after each state (little-endian). */
  tpm: readonly (readonly number[])[];
  /** The current state, as a mask of the nodes that are ON. */
  state: number;
  /** `[from][to]`: where there is no connection (0), its input is noise; null connects all to all. */
  cm: readonly (readonly number[])[] | null;
}

/** Where a TPM and connections contradict each other, the connections win: the missing inputs are averaged, `[2 ** n][n]`. */
export function averaged({ tpm, cm }: System): number[][] {
  const found = tpm.map((row) => [...row]);
  cm?.forEach((to, from) => {
    to.forEach((connected, node) => {
      if (connected) return;
      found.forEach((row, x) => {
        const other = found[x | (1 << from)];
        if ((x >> from) & 1 || !other) return;
        row[node] = other[node] = ((row[node] ?? 0) + (other[node] ?? 0)) / 2;
      });
    });
  });
  return found;
}

/** Whether the connections lead from every node to every other. */
export const isWhole = ({ cm }: System): boolean => cm === null || stronglyConnected(cm);

/** `given(node, known, x)`: the probability that a node is ON next if only the nodes of a set are in their states of x. */
export type Given = (node: number, known: number, x: number) => number;

export function givenOf(tpm: readonly (readonly number[])[]): Given {
  const n = Math.log2(tpm.length);
  const full = tpm.length - 1;
  const table = new Float64Array(n * tpm.length * tpm.length);
  const at = (node: number, known: number, x: number) => ((node << n) | known) * tpm.length + x;
  for (let node = 0; node < n; node++)
    for (let known = full; known >= 0; known--) {
      const top = 31 - Math.clz32(full & ~known); // a node that is not known; -1 where all are
      for (let x = 0; x <= full; x++) {
        const finer = known | (1 << top);
        const low = x & ~(1 << top);
        table[at(node, known, x)] =
          top < 0
            ? (tpm[x]?.[node] ?? 0)
            : ((table[at(node, finer, low)] ?? 0) + (table[at(node, finer, low | (1 << top))] ?? 0)) / 2;
      }
    }
  return (node, known, x) => table[at(node, known, x)] ?? 0;
}
