// Effective influence of one unit on another, read from the state-by-node TPM.

export interface Influence {
  /** Mean over the other units' states of P(j ON | i ON) - P(j ON | i OFF): from -1 (switches off) to 1 (switches on). */
  mean: number;
  /** The same of its magnitude: from 0 (none) to 1. An XOR has a mean of 0 and a strength of 1. */
  strength: number;
  /** How many of the pairs of states rest on visited rows only. */
  pairs: number;
}

/** The influence of each unit i on each unit j, as [i][j]; pairs of rows of which one was never visited are left out. */
export function influences(tpm: readonly (readonly number[])[], visited: readonly boolean[]): Influence[][] {
  const n = tpm[0]?.length ?? 0;
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => influence(tpm, visited, i, j)));
}

function influence(tpm: readonly (readonly number[])[], visited: readonly boolean[], i: number, j: number): Influence {
  let sum = 0;
  let magnitude = 0;
  let pairs = 0;
  for (let off = 0; off < tpm.length; off++) {
    if ((off >> i) & 1) continue;
    const on = off + 2 ** i;
    if (visited[off] === false || visited[on] === false) continue;
    const difference = (tpm[on]?.[j] ?? 0) - (tpm[off]?.[j] ?? 0);
    sum += difference;
    magnitude += Math.abs(difference);
    pairs++;
  }
  return pairs ? { mean: sum / pairs, strength: magnitude / pairs, pairs } : { mean: 0, strength: 0, pairs: 0 };
}

/** P(next state | state) of all pairs, from the state-by-node TPM (the units' next states taken as independent). */
export function stateByState(tpm: readonly (readonly number[])[]): number[][] {
  return tpm.map((row) => tpm.map((_, next) => row.reduce((product, on, unit) => product * ((next >> unit) & 1 ? on : 1 - on), 1)));
}
