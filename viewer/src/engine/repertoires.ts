// Cause and effect repertoires of all mechanisms of a system under a cut (Oizumi, Albantakis and Tononi 2014).
import { placesOf, statesOf } from "./sets";
import type { Given } from "./system";

/** The connections from one set of nodes to the others are noise; none are where `to` is empty. */
export interface Cut {
  from: number;
  to: number;
}

export const UNCUT: Cut = { from: 0, to: 0 };

export interface Repertoires {
  /** `cause(mechanism, purview)`: the probability of each past state of the purview; all 0 where there is no such past. */
  cause: (mechanism: number, purview: number) => Float64Array;
  /** `on(mechanism, node)`: the probability that a node will be ON, given the mechanism. */
  on: (mechanism: number, node: number) => number;
}

export function repertoiresOf(given: Given, n: number, state: number, cut: Cut): Repertoires {
  const noise = (node: number) => ((cut.to >> node) & 1 ? cut.from : 0);
  const causes = new Map<number, Float64Array>();
  const cause = (mechanism: number, purview: number) => {
    const key = (mechanism << n) | purview;
    let found = causes.get(key);
    if (!found) {
      found = Float64Array.from(statesOf(purview), (past) => likelihood(mechanism, purview, past));
      const total = found.reduce((sum, p) => sum + p, 0);
      if (total > 0) found = found.map((p) => p / total);
      causes.set(key, found);
    }
    return found;
  };
  const likelihood = (mechanism: number, purview: number, past: number) => {
    let product = 1;
    for (let node = 0; node < n; node++) {
      if (!((mechanism >> node) & 1)) continue;
      const p = given(node, purview & ~noise(node), past);
      product *= (state >> node) & 1 ? p : 1 - p;
    }
    return product;
  };
  return { cause, on: (mechanism, node) => given(node, mechanism & ~noise(node), state) };
}

/** The probability of each next state of a purview, given a mechanism: `[2 ** size]`. */
export function effectOf({ on }: Repertoires, mechanism: number, purview: number, n: number): Float64Array {
  return Float64Array.from(statesOf(purview), (next) => {
    let product = 1;
    for (let node = 0; node < n; node++)
      if ((purview >> node) & 1) product *= (next >> node) & 1 ? on(mechanism, node) : 1 - on(mechanism, node);
    return product;
  });
}

/** Writes a repertoire over a set out over a larger set of nodes, evenly over the nodes that are added. */
export function spread(repertoire: Float64Array, nodes: number, larger: number, n: number): Float64Array {
  const places = placesOf(nodes, n);
  const states = statesOf(larger);
  const share = repertoire.length / states.length;
  return Float64Array.from(states, (state) => (repertoire[places[state] as number] as number) * share);
}
