// What two records have in common, and how they differ.
import { computed } from "../data/results";
import type { EpochRecord, PhiResult, Structure } from "../data/types";
import { channels, hexOf } from "./color";
import { formalismName, symbolOf } from "./formalism";

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

/** Two records, each with the state that is shown of it; null where it holds none. */
export interface Pair {
  a: EpochRecord;
  b: EpochRecord;
  states: readonly [readonly number[] | null, readonly number[] | null];
}

export interface Remarks {
  /** Why nothing of the two is subtracted; empty where differences may be taken. */
  forbids: string;
  /** Why the mechanisms are not subtracted, where the transition probabilities may be. */
  mechanisms: string;
  /** What has to be kept in mind of the differences. */
  words: string;
}

/** A difference is taken only where a letter, an ON and a state mean the same on both sides; else these words say why not. */
export function remarks({ a, b, states }: Pair): Remarks {
  const [forbids = ""] = apart(a, b);
  const words = [otherMeans(a, b), otherWeights(a, b)];
  if (forbids) return { forbids: `Not subtracted: ${forbids}`, mechanisms: "", words: words[0] ?? "" };
  const [mine, others] = states.map((state) => state?.join("") ?? "none");
  const mechanisms =
    mine === others
      ? ""
      : `The mechanisms are not subtracted: A is in state ${mine}, B in ${others}, and φ of a mechanism belongs to one state.`;
  return { forbids, mechanisms, words: words.filter(Boolean).join(" ") };
}

/** In what the two are not of the same thing, the coarsest first. */
function apart(a: EpochRecord, b: EpochRecord): string[] {
  const [mine, others] = [a, b].map(({ units }) => units?.indices ?? []) as [number[], number[]];
  const [one, two] = [a, b].map(({ thresholds }) => thresholds?.strategy ?? "") as [string, string];
  const bits = [a, b].map(({ units }) => units?.bits ?? 1);
  const found: [boolean, string][] = [
    [a.kind !== b.kind, `A is ${a.kind}, B is ${b.kind}: numbers of different kinds are not compared.`],
    [a.formalism !== b.formalism, `A is of ${formalismName(a.formalism)}, B of ${formalismName(b.formalism)}.`],
    [a.layer !== b.layer, `A is of layer ${a.layer}, B of layer ${b.layer}.`],
    [a.axis !== b.axis, `a transition of A goes along ${a.axis}, one of B along ${b.axis}.`],
    [
      mine.length !== others.length,
      `A has ${mine.length} units, B has ${others.length}: their TPMs and mechanisms are not compared.`,
    ],
    [
      mine.join() !== others.join(),
      `the letters stand for other units: of A ${mine.join(", ")}, of B ${others.join(", ")}. So A of the one is not A of the other.`,
    ],
    [
      a.perturbation?.background !== b.perturbation?.background,
      `the units were set in other backgrounds: of A ${a.perturbation?.background}, of B ${b.perturbation?.background}.`,
    ],
    [bits[0] !== bits[1] || one !== two, `a unit is ON by another rule: of A ${one || "unknown"}, of B ${two || "unknown"}.`],
  ];
  return found.flatMap(([is, words]) => (is ? [words] : []));
}

/** A mean over groups and Φ of one group, or of groups of another size, are no two values of one number. */
function otherMeans(a: EpochRecord, b: EpochRecord): string {
  const [mine, others] = [a, b].map(({ units, survey }) => {
    const [many, size] = [survey?.groups.length || 1, units?.indices.length ?? 0];
    return many === 1 ? `that of one group of ${size} units` : `a mean over ${many} groups of ${size} units`;
  });
  return mine === others
    ? ""
    : `${symbolOf(a.formalism)} of the layer is ${mine} in A and ${others} in B: these are not the same quantity.`;
}

/** Networks that began with other weights share the places of their units, and nothing else. */
function otherWeights({ provenance: a }: EpochRecord, { provenance: b }: EpochRecord): string {
  const known = a.initial_weights && b.initial_weights && a.initial_weights !== b.initial_weights;
  return known ? "A and B began with other weights: a unit of A and the one of B in its place need not do the same." : "";
}

/** The state in which two sides are compared where a person chose none: the first of A that B has too; null where there is none. */
export function sharedState(
  a: readonly { state: readonly number[] }[],
  b: readonly { state: readonly number[] }[],
): readonly number[] | null {
  const known = new Set(b.map(({ state }) => state.join()));
  return a.find(({ state }) => known.has(state.join()))?.state ?? null;
}
