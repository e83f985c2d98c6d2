// The parts of a partition: two with one direction (IIT 3.0), or several with directed severed connections (IIT 4.0).
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
    const inside = result.partition.length ? apart(result.nodes, severed) : [result.nodes];
    const parts = [...inside.map((nodes) => part(nodes, "")), ...background(result.nodes, n)];
    return { parts: parts.length > 1 ? parts : [], severed };
  }
  return { parts: [], severed: () => false };
}

const part = (nodes: number[], name: string): Part => ({ nodes, name, background: false });

function background(system: readonly number[], n: number): Part[] {
  const nodes = Array.from({ length: n }, (_, node) => node).filter((node) => !system.includes(node));
  return nodes.length ? [{ nodes, name: "background", background: true }] : [];
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
