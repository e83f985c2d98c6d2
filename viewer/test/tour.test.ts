// What the tour says of past and future are the repertoires of PyPhi 1.2 (tests/support/tour_repertoires.py).
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { sidesOf } from "../src/tour/sides";
import { STEPS } from "../src/tour/steps";
import type { Name } from "../src/tour/systems";
import { connection, KINDS } from "../src/tour/systems";

interface Entry {
  kind: Name;
  cut: [number, number][];
  state: number;
  cause: Record<string, number[]>;
  effect: Record<string, number[]>;
}

const file = new URL("../../tests/data/tour_repertoires.json.gz", import.meta.url);
const systems: Entry[] = JSON.parse(gunzipSync(readFileSync(file)).toString()).systems;
const TOLERANCE = 1e-6;
/** Of a person who reads something new in a language that is not the own one. */
const WORDS_A_MINUTE = 180;
/** One or two presses. */
const SECONDS_TO_DO = 3;

const apart = (found: Float64Array, wanted: number[] | undefined): number =>
  found.length === wanted?.length ? Math.max(...wanted.map((p, k) => Math.abs(p - (found[k] ?? 0)))) : Number.NaN;

test("all systems are there in all states", () => {
  const names = new Set(systems.map(({ kind, cut }) => `${kind} ${cut}`));
  expect(names).toEqual(new Set([...Object.keys(KINDS).map((kind) => `${kind} `), "chain 2,0"]));
  expect(systems.length).toBe(8 * names.size);
});

test.each(systems.map((one) => [`${one.kind} ${one.cut} in state ${one.state}`, one] as const))("%s", (_, wanted) => {
  const { kind, state } = wanted;
  const cut = new Set(wanted.cut.map(([from, to]) => connection(from, to)));
  for (let mechanism = 1; mechanism < 8; mechanism++)
    for (let purview = 1; purview < 8; purview++) {
      const of = { purview, phi: 0.1 };
      const { cause, effect } = sidesOf({ kind, state, cut, error: 0.05, mechanism }, { cause: of, effect: of });
      expect(apart(cause.repertoire, wanted.cause[`${mechanism} ${purview}`])).toBeLessThanOrEqual(TOLERANCE);
      expect(apart(cause.chance, wanted.cause[`0 ${purview}`])).toBeLessThanOrEqual(TOLERANCE);
      expect(apart(effect.repertoire, wanted.effect[`${mechanism} ${purview}`])).toBeLessThanOrEqual(TOLERANCE);
      expect(apart(effect.chance, wanted.effect[`0 ${purview}`])).toBeLessThanOrEqual(TOLERANCE);
    }
});

test("the purviews are those of the concept, or all nodes where the set is none", () => {
  const now = { kind: "mixed", state: 1, cut: new Set<string>(), error: 0.05, mechanism: 3 } as const;
  const concept = { cause: { purview: 6, phi: 0.2 }, effect: { purview: 1, phi: 0.1 } };
  const { cause, effect } = sidesOf(now, concept);
  expect([cause.purview, cause.phi, effect.purview, effect.phi]).toEqual([6, 0.2, 1, 0.1]);
  const none = sidesOf(now, undefined);
  expect([none.cause.purview, none.cause.phi, none.effect.purview]).toEqual([7, 0, 7]);
});

test("it takes about three minutes: to read its words, and to do at each step what it asks for", () => {
  expect(STEPS.length).toBe(8);
  const words = STEPS.flatMap(({ title, words, task }) => [title, ...words, task])
    .join(" ")
    .split(/\s+/);
  expect(words.length).toBeGreaterThan(300);
  expect(words.length / WORDS_A_MINUTE + (STEPS.length * SECONDS_TO_DO) / 60).toBeLessThan(3.25);
});
