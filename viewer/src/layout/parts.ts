// The parts of a partition: two with one direction (IIT 3.0), or several, each with the directions that are severed (IIT 4.0).
import type { PhiResult } from "../data/types";

export interface Part {
  nodes: number[];
  /** What stands beside it; empty for a part that needs no word. */
  name: string;
  background: boolean;
}

export interface Partition {
  /** Empty where all units are one system and no partition was searched. */
  parts: Part[];
  severed(from: number, to: number): boolean;
}

export function partitionOf(result: PhiResult, n: number): Partition {
  if (result.status === "computed" && result.cut) {
    const { from_nodes: from, to_nodes: to } = result.cut;
    const parts = [part(from, "from"), part(to, "to"), ...background([...from, ...to], n)];
    return { parts, severed: (i, j) => from.includes(i) && to.includes(j) };
  }
  if (result.status === "computed_iit4") {
    const pairs = new Set(result.partition.map(([i, j]) => `${i} ${j}`));
    const severed = (i: number, j: number) => pairs.has(`${i} ${j}`);
    const found = result.partition.length ? apart(result.nodes, severed) : [result.nodes];
    const nameOf = (nodes: number[]) => direction(nodes, result.nodes, severed);
    // What a cut goes from stands first, as in IIT 3.0: places and colours mean the same.
    const inside = found.length === 2 && nameOf(found[1] as number[]) === "from" ? [...found].reverse() : found;
    const names = inside.map(nameOf);
    // A direction that all parts have tells them not apart.
    const isSame = new Set(names).size === 1;
    const parts = [...inside.map((nodes, at) => part(nodes, isSame ? "" : (names[at] ?? ""))), ...background(result.nodes, n)];
    return { parts: parts.length > 1 ? parts : [], severed };
  }
  return { parts: [], severed: () => false };
}

const part = (nodes: number[], name: string): Part => ({ nodes, name, background: false });

function background(system: readonly number[], n: number): Part[] {
  const nodes = Array.from({ length: n }, (_, node) => node).filter((node) => !system.includes(node));
  return nodes.length ? [{ nodes, name: "background", background: true }] : [];
}

/** What is severed between a part and all the others: what comes from it, what goes to it, or both. */
function direction(nodes: readonly number[], system: readonly number[], severed: Partition["severed"]): string {
  const others = system.filter((node) => !nodes.includes(node));
  const every = (is: (node: number, other: number) => boolean) => nodes.every((node) => others.every((other) => is(node, other)));
  const names = [every((node, other) => severed(node, other)) && "from", every((node, other) => severed(other, node)) && "to"];
  return others.length ? names.filter(Boolean).join(" and ") : "";
}

/** Between two parts a connection is severed, inside of none. */
function apart(nodes: readonly number[], severed: Partition["severed"]): number[][] {
  const parts: number[][] = [];
  for (const node of nodes) {
    const mine = parts.find(([first]) => first !== undefined && !severed(node, first) && !severed(first, node));
    if (mine) mine.push(node);
    else parts.push([node]);
  }
  return parts;
}
