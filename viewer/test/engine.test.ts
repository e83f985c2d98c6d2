// The engine of the page gives what PyPhi 1.2 (IIT 3.0) and PyPhi 2 (IIT 4.0) gave for the reference systems.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { phi3, phiOfCut } from "../src/engine/iit3";
import { phi4 } from "../src/engine/iit4";
import { members } from "../src/engine/sets";
import type { System } from "../src/engine/system";
import { MOST_NODES } from "../src/engine/system";

const read = (name: string) =>
  JSON.parse(gunzipSync(readFileSync(new URL(`../../tests/data/${name}.json.gz`, import.meta.url))).toString()).systems;
const mask = (nodes: number[]) => nodes.reduce((found, node) => found | (1 << node), 0);
const systemOf = ({ tpm, cm, state }: { tpm: number[][]; cm: number[][] | null; state: number[] }): System => ({
  tpm,
  cm,
  state: mask(state.flatMap((on, node) => (on ? [node] : []))),
});
const TOLERANCE = 1e-6 + 1e-12;
const near = (found: number, wanted: number) => expect(Math.abs(found - wanted)).toBeLessThanOrEqual(TOLERANCE);

interface Entry3 {
  name: string;
  n: number;
  tpm: number[][];
  cm: number[][] | null;
  state: number[];
  error?: string;
  phi: number;
  cut: { from_nodes: number[]; to_nodes: number[] } | null;
  ces: { mechanism: number[]; cause_purview: number[]; effect_purview: number[]; cause_phi: number; effect_phi: number }[];
}
const three = (read("pyphi_sia") as Entry3[]).filter(({ n }) => n <= MOST_NODES);

describe("IIT 3.0", () => {
  test.each(three.map((entry) => [entry.name, entry] as const))("%s", (_, entry) => {
    const found = phi3(systemOf(entry));
    if (entry.error) {
      expect(found).toBeNull();
      return;
    }
    if (!found) throw new Error("no state leads to this one");
    near(found.phi, entry.phi);
    const cut = found.cut && { from_nodes: members(found.cut.from), to_nodes: members(found.cut.to) };
    expect(cut).toEqual(entry.cut);
    if (found.reason) return; // PyPhi gives no concepts where it does not search
    const concepts = found.concepts.map(({ mechanism, cause, effect }) => [mechanism, cause.purview, effect.purview].map(members));
    expect(concepts).toEqual(entry.ces.map((one) => [one.mechanism, one.cause_purview, one.effect_purview]));
    found.concepts.forEach(({ cause, effect }, k) => {
      near(cause.phi, entry.ces[k]?.cause_phi ?? Number.NaN);
      near(effect.phi, entry.ces[k]?.effect_phi ?? Number.NaN);
    });
  });

  test("Φ is that of the minimum cut, and no cut has less", () => {
    const entry = three.find(({ name }) => name === "dense-n3-seed0") as Entry3;
    const system = systemOf(entry);
    const found = phi3(system);
    expect(found?.cut && phiOfCut(system, found.cut)).toBe(found?.phi);
    expect(phiOfCut(system, { from: 1, to: 6 })).toBeGreaterThan(found?.phi ?? Number.NaN);
  });
});

interface Sia {
  phi_s: number;
  partition: { severed: number[][] };
  reasons: string[];
  cause_state_ties: number[][];
  effect_state_ties: number[][];
}
interface Entry4 {
  name: string;
  N: number;
  n: number;
  tpm: number[][];
  cm: number[][];
  state: number[];
  subset: number[];
  results: { IIT_4_0_2023: { error?: string; sia?: Sia } };
}
const four = (read("pyphi_iit4") as Entry4[]).filter(({ n }) => n <= MOST_NODES);

describe("IIT 4.0", () => {
  test.each(four.map((entry) => [entry.name, entry] as const))("%s", (_, entry) => {
    const found = phi4(systemOf(entry), mask(entry.subset));
    const { sia } = entry.results.IIT_4_0_2023;
    if (!sia) {
      expect(found).toBeNull();
      return;
    }
    if (!found) throw new Error("no state leads to this one");
    if (sia.reasons.includes("NONUNIQUE_SYSTEM_STATE")) {
      expect(sia.phi_s).toBe(0); // of a system whose cause and effect are not unique; only the structures tell that.
      // That the tour has no such system tests/viewer/test_tour.py sees: there each φ_s is that of compute_phi, structures and all.
      expect(found.pairs).toBe(sia.cause_state_ties.length * sia.effect_state_ties.length);
      expect(found.pairs).toBeGreaterThan(1);
      return;
    }
    near(found.phi, sia.phi_s);
    if (sia.phi_s > 0) expect(found.severed).toEqual([...sia.partition.severed].sort());
  });
});

test("four nodes take less than 100 ms of the processor", () => {
  const systems = three.filter(({ n, error }) => n === 4 && !error).map(systemOf);
  const start = process.cpuUsage();
  for (const system of systems) phi3(system);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000 / systems.length).toBeLessThan(100);
}, 30_000);
