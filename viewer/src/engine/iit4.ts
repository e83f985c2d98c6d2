// φ_s of IIT 4.0 (Albantakis et al. 2023; equation numbers are of that paper), for a few nodes.
import { members, placesOf, statesOf } from "./sets";
import type { System } from "./system";
import { averaged, isWhole } from "./system";

export interface Phi4 {
  phi: number;
  /** The connections, from and to, that the minimum partition severs; empty where φ_s is 0 without a search. */
  severed: [from: number, to: number][];
  /** The specified cause and effect, as masks of the nodes that are ON. */
  cause: number;
  effect: number;
  /** How many pairs of cause and effect have this φ_s. The structures of IIT 4.0 may decide between them; here the first counts. */
  pairs: number;
  /** Why φ_s is 0 without a search. */
  reason: "" | "not connected" | "no cause" | "no effect";
}

const TOLERANCE = 1e-13;
const equal = (a: number, b: number) => Math.abs(a - b) <= Math.max(TOLERANCE, TOLERANCE * Math.max(Math.abs(a), Math.abs(b)));

/** φ_s of the candidate system of these nodes (all where none are named); null where no state leads to the current one. */
export function phi4(system: System, nodes: number = system.tpm.length - 1): Phi4 | null {
  const candidate = candidateOf(system, nodes);
  if (!candidate) return null;
  const { state, effects, causes } = candidate;
  const effect = effectsOf(effects, state);
  const cause = causesOf(causes, state);
  const first = { cause: cause.states[0] ?? 0, effect: effect.states[0] ?? 0 };
  const none = (reason: Phi4["reason"]): Phi4 => ({ phi: 0, severed: [], ...first, pairs: 1, reason });
  if (!candidate.whole) return none("not connected");
  if (cause.information <= TOLERANCE) return none("no cause");
  if (effect.information <= TOLERANCE) return none("no effect");
  const inside = members(nodes);
  const found = cause.states.flatMap((past) =>
    effect.states.map((next) => {
      const minimum = minimumOf(
        losses(causes, past, state, cause.weights[past] as number),
        losses(effects, state, next, effect.weights[next] as number),
      );
      const severed = minimum.severed.map(([i, j]): [number, number] => [inside[i] as number, inside[j] as number]);
      return { phi: minimum.phi, severed, cause: past, effect: next };
    }),
  );
  const most = Math.max(...found.map(({ phi }) => phi));
  const best = found.filter(({ phi }) => equal(phi, most));
  return { ...(best[0] as (typeof best)[number]), pairs: best.length, reason: "" };
}

/** The TPMs of effects and of causes of some nodes, `[2 ** n][n]`, with the other nodes as background (3, 4). */
function candidateOf(system: System, nodes: number) {
  const tpm = averaged(system);
  const n = tpm[0]?.length ?? 0;
  const [inside, outside] = [members(nodes), (2 ** n - 1) & ~nodes];
  const [row, background] = [placesOf(nodes, n), placesOf(outside, n)];
  const weights = statesOf(outside).map(() => 0);
  tpm.forEach((on, x) => {
    const likelihood = on.reduce((product, p, node) => product * ((system.state >> node) & 1 ? p : 1 - p), 1);
    weights[background[x] as number] = (weights[background[x] as number] as number) + likelihood;
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return null;
  const empty = () => statesOf(nodes).map(() => inside.map(() => 0));
  const [effects, causes] = [empty(), empty()];
  tpm.forEach((on, x) => {
    inside.forEach((node, k) => {
      const [cause, effect] = [causes[row[x] as number] as number[], effects[row[x] as number] as number[]];
      cause[k] = (cause[k] as number) + ((on[node] as number) * (weights[background[x] as number] as number)) / total;
      if (background[x] === background[system.state]) effect[k] = on[node] as number;
    });
  });
  const cm = system.cm && inside.map((from) => inside.map((to) => system.cm?.[from]?.[to] ?? 0));
  const whole = isWhole({ tpm: effects, state: 0, cm }) && (inside.length > 1 || !cm || Boolean(cm[0]?.[0]));
  return { state: row[system.state] as number, effects, causes, whole };
}

/** The probability of each next state after a state, `[2 ** n]`. */
const after = (tpm: number[][], x: number) =>
  tpm.map((_, z) => (tpm[x] as number[]).reduce((product, p, node) => product * ((z >> node) & 1 ? p : 1 - p), 1));

const sumOf = (values: number[]) => values.reduce((sum, value) => sum + value, 0);

/** Weight times the logarithm of a probability over chance; 0 where either is 0. */
const informationOf = (weight: number, p: number, chance: number) => (p > 0 && chance > 0 ? weight * Math.log2(p / chance) : 0);

/** Each effect's probability, and which have the largest intrinsic information (5, 6). */
function effectsOf(tpm: number[][], state: number) {
  const weights = after(tpm, state);
  const rows = tpm.map((_, x) => after(tpm, x));
  const chance = weights.map((_, z) => sumOf(rows.map((row) => row[z] as number)) / tpm.length);
  return specified(
    weights,
    weights.map((p, z) => informationOf(p, p, chance[z] as number)),
  );
}

/** Each cause's selectivity, and which have the largest intrinsic information (7 to 9). */
function causesOf(tpm: number[][], state: number) {
  const p = tpm.map((_, z) => after(tpm, z)[state] as number);
  const total = sumOf(p);
  const weights = p.map((one) => one / total);
  return specified(
    weights,
    weights.map((weight, z) => informationOf(weight, p[z] as number, total / tpm.length)),
  );
}

function specified(weights: number[], values: number[]) {
  const information = Math.max(...values);
  return { weights, information, states: values.flatMap((value, state) => (equal(value, information) ? [state] : [])) };
}

/** How much φ each node loses with each set of cut inputs, `[n][2 ** n]` (17 to 20). */
function losses(tpm: number[][], base: number, target: number, weight: number): number[][] {
  const n = Math.log2(tpm.length);
  return Array.from({ length: n }, (_, node) => {
    const chances = tpm.map((_, cut) => {
      const states = statesOf(cut).map((moved) => tpm[base ^ moved]?.[node] as number);
      const on = sumOf(states) / states.length;
      return (target >> node) & 1 ? on : 1 - on;
    });
    return chances.map((p) => weight * (Math.log2(chances[0] as number) - Math.log2(p)));
  });
}

interface Partition {
  /** Of each node the inputs that are cut. */
  inputs: number[];
  severed: [number, number][];
  /** The matrix of severed connections, row by row: of equal partitions the smallest counts. */
  rows: string;
}

/** The minimum partition: the smallest φ for each severed connection, then the largest φ (21 to 23). */
function minimumOf(causes: number[][], effects: number[][]) {
  const lost = (of: number[][], inputs: number[]) => sumOf(inputs.map((cut, node) => of[node]?.[cut] as number));
  const found = partitionsOf(causes.length).map(({ inputs, severed, rows }) => {
    const phi = Math.max(0, Math.min(lost(causes, inputs), lost(effects, inputs)));
    return { phi, normalized: phi / severed.length, severed, rows };
  });
  const lowest = Math.min(...found.map(({ normalized }) => normalized));
  const tied = found.filter(({ normalized }) => equal(normalized, lowest));
  const most = Math.max(...tied.map(({ phi }) => phi));
  const best = tied.filter(({ phi }) => equal(phi, most)); // the partitions are in the order of their rows
  return best[0] as (typeof best)[number];
}

const listed = new Map<number, Partition[]>();

/** Every different cut by a division into parts of which each loses its inputs, its outputs or both (14 to 16). */
function partitionsOf(n: number): Partition[] {
  const known = listed.get(n);
  if (known) return known;
  const found = new Map<string, Partition>();
  const add = (severs: (i: number, j: number) => boolean) => {
    const severed: [number, number][] = [];
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (severs(i, j)) severed.push([i, j]);
    const inputs = Array.from({ length: n }, (_, j) => severed.reduce((cut, [i, to]) => (to === j ? cut | (1 << i) : cut), 0));
    const rows = Array.from({ length: n * n }, (_, k) => (severs(Math.floor(k / n), k % n) ? "1" : "0")).join("");
    if (severed.length) found.set(rows, { inputs, severed, rows });
  };
  if (n === 1) add(() => true);
  for (const parts of divisions(n)) {
    const count = Math.max(...parts) + 1;
    for (let code = 0; code < 3 ** count; code++) {
      const way = (node: number) => Math.floor(code / 3 ** (parts[node] as number)) % 3; // 0: inputs, 1: outputs, 2: both
      add((i, j) => parts[i] !== parts[j] && (way(j) !== 1 || way(i) !== 0));
    }
  }
  const sorted = [...found.values()].sort((a, b) => (a.rows < b.rows ? -1 : 1));
  listed.set(n, sorted);
  return sorted;
}

/** Every division of n nodes into parts: of each node the number of its part. */
function divisions(n: number): number[][] {
  let found: number[][] = [[]];
  for (let node = 0; node < n; node++)
    found = found.flatMap((begun) =>
      Array.from({ length: (begun.length ? Math.max(...begun) + 1 : 0) + 1 }, (_, part) => [...begun, part]),
    );
  return found;
}
