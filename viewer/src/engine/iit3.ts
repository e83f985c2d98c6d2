// Φ of IIT 3.0, equal to PyPhi 1.2 with its default options, for systems of at most four nodes.
import { hamming, marginal, rounded, transported } from "./distance";
import type { Cut, Repertoires } from "./repertoires";
import { effectOf, repertoiresOf, spread, UNCUT } from "./repertoires";
import { placesOf, size, statesOf, subsets } from "./sets";
import type { System } from "./system";
import { averaged, givenOf, isWhole } from "./system";

/** What a mechanism says of the past, or of the future: the purview with the largest φ. */
export interface Reading {
  purview: number;
  phi: number;
  /** The probability of each state of the purview, little-endian. */
  repertoire: Float64Array;
}

export interface Concept {
  mechanism: number;
  phi: number;
  cause: Reading;
  effect: Reading;
}

export interface Phi3 {
  phi: number;
  /** The cut that makes the least difference; null where Φ is 0 without a search. */
  cut: Cut | null;
  concepts: Concept[];
  /** Why Φ is 0 without a search. */
  reason: "" | "one node" | "not connected" | "no concepts";
}

/** Φ of a system in its state, with the minimum cut and the concepts; null where no state leads to this one. */
export function phi3(system: System): Phi3 | null {
  const analysis = analysed(system);
  if (!analysis) return null;
  const { n, concepts, reason } = analysis;
  if (reason) return { phi: 0, cut: null, concepts, reason };
  let best = { phi: Number.POSITIVE_INFINITY, cut: UNCUT, place: Number.POSITIVE_INFINITY };
  const fewest = ({ from, to }: Cut) => Math.min(size(from), size(to)); // the minimum is most often among the small cuts
  const cuts = cutsOf(n).map((cut, place) => ({ cut, place }));
  for (const { cut, place } of cuts.sort((a, b) => fewest(a.cut) - fewest(b.cut))) {
    if (best.phi === 0 && place > best.place) continue;
    const phi = analysis.phiOf(cut, best.phi);
    if (phi < best.phi || (phi === best.phi && place < best.place)) best = { phi, cut, place };
  }
  return { phi: best.phi, cut: best.cut, concepts, reason: "" };
}

/** Φ of a cut of one's own: by how much it changes the concepts. 0 where Φ is 0 without a search; null as for `phi3`. */
export function phiOfCut(system: System, cut: Cut): number | null {
  const analysis = analysed(system);
  return analysis && (analysis.reason ? 0 : analysis.phiOf(cut));
}

/** All directed cuts of n nodes into two parts, in PyPhi's order: of cuts with equal Φ the first one is the minimum. */
export function cutsOf(n: number): Cut[] {
  const full = 2 ** n - 1;
  const forward = Array.from({ length: 2 ** (n - 1) }, (_, part) => ({ from: part, to: full ^ part }));
  const back = forward.map(({ from, to }) => ({ from: to, to: from })).reverse();
  return [...forward, ...back].slice(1, -1);
}

function analysed(system: System) {
  const n = system.tpm[0]?.length ?? 0;
  const { state } = system;
  // As in PyPhi the TPM is asked as it is given, node by node.
  const leadsHere = (row: readonly number[]) => row.every((p, node) => Math.abs(p - ((state >> node) & 1)) < 1);
  if (!system.tpm.some(leadsHere)) return null;
  const given = givenOf(averaged(system));
  const mechanisms = subsets(n);
  const structure = (cut: Cut): Structure => {
    const repertoires = repertoiresOf(given, n, state, cut);
    return { repertoires, concepts: mechanisms.flatMap((mechanism) => conceptOf(mechanism, repertoires, n, cut) ?? []) };
  };
  const whole = structure(UNCUT);
  let reason: Phi3["reason"] = "";
  if (n < 2) reason = "one node";
  else if (!isWhole(system)) reason = "not connected";
  else if (!whole.concepts.length) reason = "no concepts";
  return { n, concepts: whole.concepts, reason, phiOf: (cut: Cut, bound?: number) => distance(whole, structure(cut), n, bound) };
}

/** What a mechanism says; null where it says nothing that its parts do not say. */
export function conceptOf(mechanism: number, repertoires: Repertoires, n: number, cut = UNCUT): Concept | null {
  const effect = effectReading(mechanism, repertoires, n);
  if (!effect) return null;
  const cause = causeReading(mechanism, repertoires, n, cut);
  return cause && { mechanism, cause, effect, phi: Math.min(cause.phi, effect.phi) };
}

/** Of two purviews the one with the larger φ wins, then the larger one, then the earlier one. */
const wins = (phi: number, purview: number, best: Reading | null) =>
  phi > (best?.phi ?? 0) || (best !== null && phi === best.phi && size(purview) > size(best.purview));

/** Effects are products over nodes, so the distance is a sum over them, and each node takes the cheaper part of the mechanism. */
function effectReading(mechanism: number, repertoires: Repertoires, n: number): Reading | null {
  const { on } = repertoires;
  let best: Reading | null = null;
  for (const purview of subsets(n)) {
    const nodes = Array.from({ length: n }, (_, node) => node).filter((node) => (purview >> node) & 1);
    const lost = (part: number, node: number) => Math.abs(on(mechanism, node) - on(part, node));
    let least = Math.min(...nodes.map((node) => lost(0, node))); // the mechanism stays whole and loses one node of the purview
    for (const part of splitsOf(mechanism))
      if (part)
        least = Math.min(
          least,
          nodes.reduce((sum, node) => sum + Math.min(lost(part, node), lost(mechanism & ~part, node)), 0),
        );
    const phi = rounded(least);
    if (wins(phi, purview, best)) best = { purview, phi, repertoire: new Float64Array() };
  }
  return best && { ...best, repertoire: effectOf(repertoires, mechanism, best.purview, n) };
}

function causeReading(mechanism: number, { cause }: Repertoires, n: number, { from, to }: Cut): Reading | null {
  let best: Reading | null = null;
  for (const purview of subsets(n)) {
    // A node of the mechanism that lost all of the purview, or a node of the purview that all lost, can be cut off for nothing.
    if (mechanism & to && purview & from && (!(mechanism & from) || !(purview & to))) continue;
    const repertoire = cause(mechanism, purview);
    if (repertoire.every((p) => p === 0)) continue; // there is no such past
    const beaten = (phi: number) => !wins(phi, purview, best);
    const phi = leastLoss(mechanism, purview, repertoire, cause, n, beaten);
    if (!beaten(phi)) best = { purview, phi, repertoire };
  }
  return best;
}

/** φ of a mechanism over a purview: the smallest distance to any partition; ends early where φ is too small to matter. */
function leastLoss(
  mechanism: number,
  purview: number,
  repertoire: Float64Array,
  cause: Repertoires["cause"],
  n: number,
  beaten: (phi: number) => boolean,
): number {
  const states = statesOf(purview);
  const difference = new Float64Array(states.length);
  let least = Number.POSITIVE_INFINITY;
  for (let one = purview; one >= 0; one = one ? (one - 1) & purview : -1) {
    const other = purview & ~one;
    const [inOne, inOther] = [placesOf(one, n), placesOf(other, n)];
    for (const part of splitsOf(mechanism)) {
      if (!part && !one) continue;
      const [first, second] = [cause(part, one), cause(mechanism & ~part, other)];
      states.forEach((state, y) => {
        difference[y] =
          (repertoire[y] as number) - (first[inOne[state] as number] as number) * (second[inOther[state] as number] as number);
      });
      if (marginal(difference) - 1e-12 >= least) continue;
      least = Math.min(least, hamming(difference, least));
      if (beaten(rounded(least))) return 0;
    }
  }
  return rounded(least);
}

/** One part of each division of a mechanism into two, the empty part too; the other part has the highest node. */
function splitsOf(mechanism: number): readonly number[] {
  return statesOf(mechanism & ~(1 << (31 - Math.clz32(mechanism))));
}

interface Structure {
  repertoires: Repertoires;
  concepts: Concept[];
}

/** The null concept: nothing is said of the past, and the future is as without any mechanism. */
const NULL = { mechanism: 0, cause: { purview: 0 }, effect: { purview: 0 } };
type Place = { mechanism: number; cause: { purview: number }; effect: { purview: number } };

/** By how much a cut changes a cause-effect structure: the earth mover's distance in which φ is moved between concepts.
 *
 *  The structure with less φ gets what is missing at the null concept. φ that lies at one place in both need not be moved.
 *
 * @param bound a distance above this one need not be exact: the answer is then a lower bound that is also above it. */
function distance(whole: Structure, cut: Structure, n: number, bound = Number.POSITIVE_INFINITY): number {
  const sources: { place: Place; mass: number }[] = [];
  const sinks: { place: Place; mass: number }[] = [];
  const micro = (phi: number) => Math.round(phi * 1e6);
  const after = new Map(cut.concepts.map((concept) => [concept.mechanism, concept]));
  for (const place of whole.concepts) {
    const other = after.get(place.mechanism);
    const stays = other && same(place, other) ? Math.min(place.phi, other.phi) : 0;
    sources.push({ place, mass: micro(place.phi) - micro(stays) });
    if (other && stays) sinks.push({ place: other, mass: micro(other.phi) - micro(stays) });
    if (stays) after.delete(place.mechanism);
  }
  for (const place of after.values()) sinks.push({ place, mass: micro(place.phi) });
  const sum = (side: { mass: number }[]) => side.reduce((total, { mass }) => total + mass, 0);
  const missing = sum(sources) - sum(sinks);
  (missing > 0 ? sinks : sources).push({ place: NULL, mass: Math.abs(missing) });
  const [from, to] = [sources.filter(({ mass }) => mass), sinks.filter(({ mass }) => mass)];
  const cheapest = (ofCauses: typeof hamming) => {
    const cost = from.map((a) => to.map((b) => apart(a.place, whole.repertoires, b.place, cut.repertoires, n, ofCauses)));
    return (
      transported(
        from.map(({ mass }) => mass),
        to.map(({ mass }) => mass),
        cost,
      ) / 1e6
    );
  };
  const atLeast = bound === Number.POSITIVE_INFINITY ? 0 : cheapest(marginal);
  return atLeast > bound + 2e-6 ? atLeast : rounded(cheapest(hamming));
}

/** Whether two concepts of one mechanism have the same purviews and repertoires. */
function same(a: Concept, b: Concept): boolean {
  const alike = (one: Reading, other: Reading) =>
    one.purview === other.purview && one.repertoire.every((p, k) => Math.abs(p - (other.repertoire[k] as number)) <= 1e-12);
  return alike(a.cause, b.cause) && alike(a.effect, b.effect);
}

/** The distance of two concepts: that of their causes and that of their effects. */
function apart(a: Place, ofA: Repertoires, b: Place, ofB: Repertoires, n: number, ofCauses: typeof hamming): number {
  const union = a.cause.purview | b.cause.purview;
  const causes = spread(ofA.cause(a.mechanism, a.cause.purview), a.cause.purview, union, n);
  const others = spread(ofB.cause(b.mechanism, b.cause.purview), b.cause.purview, union, n);
  let total = ofCauses(causes.map((p, k) => p - (others[k] as number)));
  const on = ({ mechanism, effect }: Place, { on: of }: Repertoires, node: number) =>
    of((effect.purview >> node) & 1 ? mechanism : 0, node);
  for (let node = 0; node < n; node++) total += Math.abs(on(a, ofA, node) - on(b, ofB, node));
  return total;
}
