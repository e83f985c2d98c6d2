// What two records have in common, and how they differ.
import { computed } from "../data/results";
import type { EpochRecord, PhiResult, Structure } from "../data/types";
import { channels, hexOf } from "./color";

/** The colours of the two sides in charts; style sheets have those for text. */
export const SIDES = { A: "#56b4e9", B: "#d55e00" } as const;
/** The colour of the mean and the range of all runs. */
export const SEEDS = "#8d99ae";
const [LESS, SAME, MORE] = ["#0072b2", "#f4f4f4", "#d55e00"].map(channels) as [Channels, Channels, Channels];

type Channels = [number, number, number];
type Phis = readonly { mechanism: readonly number[]; phi: number }[];

export interface Joined {
  mechanism: readonly number[];
  a: number | null;
  b: number | null;
}

/** The φ of each mechanism: of concepts (IIT 3.0), or of the distinctions of a structure (IIT 4.0). */
export function phisOf(result: PhiResult, structure: Structure | null): Phis {
  if (structure) return structure.distinctions;
  const concepts = computed(result)?.concepts ?? [];
  return concepts.map(({ mechanism, cause_phi: cause, effect_phi: effect }) => ({ mechanism, phi: Math.min(cause, effect) }));
}

/** Each mechanism that either has, those that differ most first. One that is lacking counts as 0 in the order alone. */
export function joined(a: Phis, b: Phis): Joined[] {
  const found = new Map<string, Joined>();
  for (const { mechanism, phi } of a) found.set(mechanism.join(), { mechanism, a: phi, b: null });
  for (const { mechanism, phi } of b) found.set(mechanism.join(), { mechanism, a: found.get(mechanism.join())?.a ?? null, b: phi });
  const apart = (one: Joined) => Math.abs((one.b ?? 0) - (one.a ?? 0));
  return [...found.values()].sort((one, other) => apart(other) - apart(one));
}

export interface Difference {
  values: number[][];
  /** Rows that both have visited. */
  visited: boolean[];
  most: number;
}

/** The chances of B less those of A; null where the two have not as many units. */
export function tpmDifference(a: EpochRecord["tpm"], b: EpochRecord["tpm"]): Difference | null {
  if (!a || !b || a.state_by_node.length !== b.state_by_node.length) return null;
  const values = b.state_by_node.map((row, code) => row.map((value, unit) => value - (a.state_by_node[code]?.[unit] ?? 0)));
  const visited = a.visited.map((there, code) => there && b.visited[code] === true);
  const known = values.filter((_, code) => visited[code]).flat();
  return { values, visited, most: Math.max(1e-6, ...known.map(Math.abs)) };
}

/** From the colour of A (B has less) by near white to that of B (B has more). */
export function diverging(value: number, most: number): string {
  const part = Math.min(1, Math.abs(value) / most);
  const end = value < 0 ? LESS : MORE;
  return hexOf(...(SAME.map((channel, at) => channel + (end[at as 0] - channel) * part) as Channels));
}

/** What forbids to take the difference of two records, or what has to be kept in mind; empty where they are alike. */
export function remarks(a: EpochRecord, b: EpochRecord): { forbids: string; words: string } {
  const [mine, others] = [a, b].map(({ units }) => units?.indices ?? []) as [number[], number[]];
  if (a.kind !== b.kind)
    return { forbids: `A is ${a.kind}, B is ${b.kind}: numbers of different kinds are not compared.`, words: "" };
  if (mine.length !== others.length)
    return {
      forbids: `A has ${mine.length} units, B has ${others.length}: their TPMs and mechanisms are not compared.`,
      words: "",
    };
  const same = mine.join() === others.join();
  const words = `The letters stand for other units: of A ${mine.join(", ")}, of B ${others.join(", ")}.`;
  return { forbids: "", words: same ? "" : words };
}
