// Sets of nodes and states of nodes, both as bit masks: node 0 is the lowest bit.

/** The number of nodes in a set. */
export function size(nodes: number): number {
  let found = 0;
  for (let left = nodes; left; left &= left - 1) found++;
  return found;
}

/** The nodes of a set, ascending. */
export function members(nodes: number): number[] {
  const found: number[] = [];
  for (let node = 0; nodes >> node; node++) if ((nodes >> node) & 1) found.push(node);
  return found;
}

/** The same function, which computes each result once. */
function once<Result>(compute: (a: number, b: number) => Result): (a: number, b: number) => Result {
  const known = new Map<number, Result>();
  return (a, b) => {
    const key = (a << 5) | b;
    let found = known.get(key);
    if (found === undefined) {
      found = compute(a, b);
      known.set(key, found);
    }
    return found;
  };
}

/** All sets of n nodes but the empty one: the smaller first, of one size in the order of their nodes. */
export const subsets = (n: number): readonly number[] => listed(n, 0);
const listed = once((n) => {
  const named = (nodes: number) => members(nodes).join();
  return Array.from({ length: 2 ** n - 1 }, (_, k) => k + 1).sort((a, b) => size(a) - size(b) || (named(a) < named(b) ? -1 : 1));
});

/** The states of the nodes of a set, each as a mask of all nodes, in little-endian order: `[2 ** size]`. */
export const statesOf = (nodes: number): readonly number[] => states(nodes, 0);
const states = once((nodes) => {
  const found = [0];
  for (const node of members(nodes)) found.push(...found.map((state) => state | (1 << node)));
  return found;
});

/** Of each state of all n nodes, where its part in a set stands in `statesOf` that set: `[2 ** n]`. */
export const placesOf: (nodes: number, n: number) => readonly number[] = once((nodes, n) => {
  const inside = members(nodes);
  return Array.from({ length: 2 ** n }, (_, state) => inside.reduce((place, node, k) => place | (((state >> node) & 1) << k), 0));
});

/** Whether every node can be reached from every other along connections, `[from][to]`. */
export function stronglyConnected(cm: readonly (readonly number[])[]): boolean {
  const n = cm.length;
  const reached = (leads: (from: number, to: number) => boolean) => {
    const found = new Set([0]);
    for (const from of found) for (let to = 0; to < n; to++) if (leads(from, to)) found.add(to);
    return found.size === n;
  };
  return reached((from, to) => Boolean(cm[from]?.[to])) && reached((from, to) => Boolean(cm[to]?.[from]));
}
