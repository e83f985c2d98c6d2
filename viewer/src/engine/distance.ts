// Earth mover's distances, exact: of two repertoires over the states of nodes, and of two sets of weighted places.

/** Rounds to six decimals as PyPhi does, halves to even, after eleven decimals have taken off what sums are wrong by. */
export const rounded = (x: number): number => toEven(toEven(x * 1e11) / 1e5) / 1e6;

function toEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest === 0.5 ? below + (below % 2) : Math.round(x);
}

/** The distance of two repertoires over the states of p nodes (at most 4), where to change one node costs 1.
 *
 *  By duality it is the largest sum of f(x) d(x) over all functions f that differ by 1 between states that differ in one node.
 *
 * @param difference `[2 ** p]`, the one minus the other; its sum is 0.
 * @param enough a distance from here on need not be exact: the answer is then any number from `enough` to the distance.
 */
export function hamming(difference: Float64Array, enough = Number.POSITIVE_INFINITY): number {
  const states = difference.length;
  const heights = heightsOf(states);
  let most = 0;
  for (let k = 0; k < heights.length; k += states) {
    let sum = 0;
    for (let x = 0; x < states; x++) sum += (heights[k + x] as number) * (difference[x] as number);
    most = Math.max(most, Math.abs(sum));
    if (most >= enough) break;
  }
  return most;
}

/** A lower bound of this distance: the sum of what the probabilities of the single nodes differ by. */
export function marginal(difference: Float64Array): number {
  let sum = 0;
  for (let bit = 1; bit < difference.length; bit <<= 1) {
    let on = 0;
    for (let x = 0; x < difference.length; x++) if (x & bit) on += difference[x] as number;
    sum += Math.abs(on);
  }
  return sum;
}

const listed = new Map<number, Float64Array>();

/** All functions of the states that change by 1 with each node, up to a constant and the sign, one after the other. */
function heightsOf(states: number): Float64Array {
  const known = listed.get(states);
  if (known) return known;
  const all: number[] = [];
  const extend = (begun: number[]) => {
    const x = begun.length;
    if (x === states) {
      all.push(...begun);
      return;
    }
    const below = [];
    for (let bit = 1; bit <= x; bit <<= 1) if (x & bit) below.push(begun[x ^ bit] as number);
    const first = below[0] as number;
    for (const height of x === 1 ? [1] : [first - 1, first + 1])
      if (below.every((other) => Math.abs(other - height) === 1)) extend([...begun, height]);
  };
  extend([0]);
  const found = Float64Array.from(all);
  listed.set(states, found);
  return found;
}

/** The least cost of moving masses from sources to sinks, by cheapest ways one after the other (Dijkstra with potentials).
 *
 * @param supply whole numbers.
 * @param demand whole numbers with the same sum.
 * @param cost `[source][sink]`, at least 0.
 */
export function transported(supply: readonly number[], demand: readonly number[], cost: readonly (readonly number[])[]): number {
  const sources = supply.length;
  const plan: Plan = {
    left: [...supply],
    open: [...demand],
    flow: supply.map(() => demand.map(() => 0)),
    cost,
    potential: new Float64Array(sources + demand.length),
  };
  let total = 0;
  for (;;) {
    const { before, end } = cheapestWays(plan);
    if (end < 0) return total;
    const steps: [number, number][] = [];
    let begin = end;
    for (let from = before[end] as number; from >= 0; from = before[from] as number) {
      steps.push([from, begin]);
      begin = from;
    }
    let mass = Math.min(plan.left[begin] as number, plan.open[end - sources] as number);
    for (const [from, to] of steps) if (from >= sources) mass = Math.min(mass, plan.flow[to]?.[from - sources] as number);
    for (const [from, to] of steps) {
      const [i, j, sign] = from < sources ? [from, to - sources, 1] : [to, from - sources, -1];
      (plan.flow[i] as number[])[j] = (plan.flow[i]?.[j] as number) + sign * mass;
      total += sign * mass * (cost[i]?.[j] as number);
    }
    plan.left[begin] = (plan.left[begin] as number) - mass;
    plan.open[end - sources] = (plan.open[end - sources] as number) - mass;
  }
}

/** What is still to be moved, and what was. A node is a source, or after these a sink. */
interface Plan {
  left: number[];
  open: number[];
  flow: number[][];
  cost: readonly (readonly number[])[];
  potential: Float64Array;
}

/** The cheapest way from the sources with mass left to each node: the node before it, and the nearest sink with room (-1: none). */
function cheapestWays({ left, open, flow, cost, potential }: Plan): { before: Int32Array; end: number } {
  const sources = left.length;
  const nodes = potential.length;
  const way = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
  const before = new Int32Array(nodes).fill(-1);
  const done = new Uint8Array(nodes);
  left.forEach((mass, i) => {
    if (mass > 0) way[i] = 0;
  });
  let end = -1;
  for (;;) {
    let at = -1;
    for (let v = 0; v < nodes; v++) if (!done[v] && (at < 0 || (way[v] as number) < (way[at] as number))) at = v;
    if (at < 0 || way[at] === Number.POSITIVE_INFINITY) break;
    done[at] = 1;
    const forward = at < sources;
    if (end < 0 && !forward && (open[at - sources] as number) > 0) end = at;
    for (let v = forward ? sources : 0; v < (forward ? nodes : sources); v++) {
      if (!forward && !((flow[v]?.[at - sources] as number) > 0)) continue; // only what was moved can be moved back
      const step = forward ? (cost[at]?.[v - sources] as number) : -(cost[v]?.[at - sources] as number);
      const length = (way[at] as number) + Math.max(0, step + (potential[at] as number) - (potential[v] as number));
      if (length >= (way[v] as number)) continue;
      way[v] = length;
      before[v] = at;
    }
  }
  way.forEach((length, v) => {
    if (length !== Number.POSITIVE_INFINITY) potential[v] = (potential[v] as number) + length;
  });
  return { before, end };
}
