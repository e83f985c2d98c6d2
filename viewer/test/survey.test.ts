import { describe, expect, it } from "vitest";
import { notes } from "../src/chips/notes";
import { chipSets } from "../src/chips/sets";
import type { EpochRecord, Survey } from "../src/data/types";
import { placeGroups, RADIUS } from "../src/layout/groups";
import type { SurveyGroup } from "../src/scales/survey";
import { allVisits, analysedWords, groupPhi, groupShare, groupSigned, ofVisits, statesWords } from "../src/scales/survey";
import { analysesOf } from "../src/state/analysis";
import type { Side } from "../src/state/app";

const FOUND = { status: "computed", phi: 0.3, seconds: 1, cuts_evaluated: 6, engine: { name: "fast", version: "1" }, reason: "" };
const setsOf = (record: EpochRecord, at: number) => {
  const a = { run: { id: "r" }, record } as Side;
  return chipSets(record, analysesOf({ a, b: null, shown: "a", computations: [] })[at] ?? null);
};
const chips = (record: EpochRecord, at: number) => setsOf(record, at).flatMap((set) => set.chips);
const group = (phis: (number | null)[], visits: number[], change: Partial<SurveyGroup> = {}): SurveyGroup => ({
  units: { bits: 1, clusters: [], indices: [3, 5], seed: 0, selection: "random", width: 9 },
  counts: null,
  cm: null,
  states: phis.map((_, at) => [at & 1, at >> 1]),
  visits,
  phis,
  positive: null,
  signed: [],
  reason: "",
  ...change,
});
const survey = (groups: SurveyGroup[], change: Partial<Survey> = {}): Survey => ({
  phi: 0.2,
  groups,
  resampled: [],
  se: null,
  low: null,
  high: null,
  positive: null,
  interval_words: "interval not computed",
  share: null,
  signed: null,
  ...change,
});

describe("a group of a survey", () => {
  it("has the mean Φ of its visited states, by visits", () => {
    expect(groupPhi(group([0.1, 0.4, null], [2, 1, 9]))).toBeCloseTo(0.2);
    expect(groupPhi(group([0.1], [0]))).toBeNull();
    expect(groupPhi(group([], [4, 2], { states: [[0], [1]] }))).toBeNull();
  });
  it("is a dot, and no dot lies over another", () => {
    const many = Array.from({ length: 20 }, (_, at) => group([0.2 + (at % 4) * 0.001], [1]));
    const { dots, x, right, bottom } = placeGroups(survey([...many, group([null], [1])], { high: 0.4 }), 400, 118);
    expect(dots.length).toBe(20);
    expect(x(0.4)).toBeLessThan(right);
    for (const [at, one] of dots.entries()) {
      expect(one.x).toBeCloseTo(x(one.value));
      expect(one.y + RADIUS).toBeLessThan(bottom);
      for (const other of dots.slice(0, at))
        expect(Math.hypot(one.x - other.x, one.y - other.y)).toBeGreaterThan(2 * RADIUS - 0.01);
    }
  });
});

it("of IIT 4.0 a group is a dot at its signed φ_s, since φ_s of nearly all groups is 0", () => {
  const groups = [
    group([0, 0], [2, 1], { signed: [-0.3, -0.6] }),
    group([0.001, 0], [1, 3], { signed: [0.001, null] }),
    group([null], [1], { signed: [null], reason: "it broke" }),
  ];
  expect(groups.map(groupSigned)).toEqual([expect.closeTo(-0.4), 0.001, null]);
  expect(groups.map(groupShare)).toEqual([0, 0.25, null]);
  const { dots, x, left, right, ticks } = placeGroups(survey(groups, { share: 0.1, signed: -0.2 }), 400, 118);
  expect(dots.map(({ group: at, value }) => [at, value])).toEqual([
    [0, expect.closeTo(-0.4)],
    [1, 0.001],
  ]);
  expect(ticks).toEqual([-0.4, -0.2, 0]);
  expect(x(-0.432)).toBeCloseTo(left);
  expect([x(0) < right, dots[0] && dots[0].x > left]).toEqual([true, true]);
});

describe("the states that the number of a group is the mean over", () => {
  const watched = (visits: number[]) => ({ visits, on: [], joint: [] });
  const of = (groups: SurveyGroup[], observed: number[] | null = null) =>
    ({ survey: survey(groups), perturbation: observed && { observed } }) as unknown as EpochRecord;
  it("are counted among those that were visited", () => {
    const one = of([group([0.3], [137], { counts: watched([13, 137, 136, 14]) })]);
    expect([statesWords(one, 0), allVisits(one, 0), ofVisits(one)]).toEqual([
      "1 of 4 visited states",
      300,
      "of the visits of 1 of 4 visited states",
    ]);
    const all = of([group([0.3, 0.1], [20, 10], { counts: watched([20, 10, 0, 0]) })]);
    expect([statesWords(all, 0), ofVisits(all), analysedWords(all)]).toEqual([
      "2 of 2 visited states",
      "of the visits",
      "2 of 2 visited states",
    ]);
  });
  it("of units that were set are among those in which they were observed, which is known of the first group alone", () => {
    const two = of([group([0.3], [5]), group([0.2, 0.1], [6, 4]), group([0.2], [6])], [5, 2, 2, 1]);
    expect([0, 1, 2].map((at) => statesWords(two, at))).toEqual([
      "1 of 4 visited states",
      "2 of 2 visited states",
      "1 visited state",
    ]);
    expect([0, 1, 2].map((at) => allVisits(two, at))).toEqual([10, 10, 10]);
    expect([ofVisits(two), analysedWords(two)]).toEqual(["of the visits of the analysed states", ""]);
  });
  it("without a Φ do not count", () => {
    const lost = of([group([0.3, null], [6, 4], { counts: watched([6, 4]) })]);
    expect(statesWords(lost, 0)).toBe("1 of 2 visited states");
  });
});

describe("what stands beside Φ", () => {
  const record = (change: Partial<EpochRecord>): EpochRecord =>
    ({
      kind: "causal",
      axis: "time",
      structural_phi: null,
      result: FOUND,
      provenance: { engine: "auto", window: 1 },
      states: [{ state: [1, 0], visits: 3, result: FOUND }],
      counts: { visits: [8, 8, 8, 8], on: [], joint: [] },
      groups: [],
      sensitivity: [],
      diagnostics: [],
      notes: [],
      null: null,
      interval: null,
      survey: null,
      perturbation: null,
      formalism: "iit3",
      structure: null,
      others: [],
      ...change,
    }) as unknown as EpochRecord;
  const texts = (shown: EpochRecord) => Object.fromEntries(chips(shown, 0).map(({ name, text }) => [name, text]));
  const perturbation = {
    draws: 8640,
    sequences: 576,
    background: "sampled",
    observed: [1, 2, 3, 4],
  } as EpochRecord["perturbation"];

  it("of units that were set are backgrounds, no transitions and no null", () => {
    const set = texts(record({ perturbation }));
    expect(set.set).toBe("8,640 backgrounds from 576 sequences");
    expect(set.null).toBe("none: units were set");
    expect(set).not.toHaveProperty("transitions");
    expect(texts(record({ perturbation: { ...perturbation, sequences: null } as EpochRecord["perturbation"] })).set).toBe(
      "8,640 backgrounds",
    );
  });
  it("of watched units are transitions, and a null that is missing", () => {
    expect(texts(record({}))).toMatchObject({ transitions: "32", null: "not computed" });
  });
  it("of a survey of several groups are two sets: of the layer, and of the shown group in its state", () => {
    const groups = [group([0.3, 0.1], [1, 1], { positive: 0.04 }), group([0.25], [1]), group([], [], { reason: "broken" })];
    const judged = {
      perturbation,
      interval: { level: 0.9, low: 0.02, high: 0.4, draws: 50, words: "", parts: null },
      sensitivity: [{ quantile: 0.3, phi: 0.4, reason: "" }],
      tpm: { visited: [true, true, false, true], prior: 0.5, state_by_node: [] },
    } as unknown as Partial<EpochRecord>;
    const told = (low: number | null, at = 0) =>
      setsOf(record({ ...judged, survey: survey(groups, { low, high: low && 0.26, resampled: Array(50).fill(0.2) }) }), at).map(
        ({ of, title, chips: all }) => [of, title, Object.fromEntries(all.map(({ name, text }) => [name, text]))],
      );
    expect(told(0.15)).toEqual([
      [
        "layer",
        ["the layer", "2 of 3 groups"],
        {
          kind: "causal",
          "90 % interval": "0.1500 – 0.2600",
          "mean over": "2 of 4 visited states",
          "mean Φ of single groups": "0.2000 – 0.2500",
        },
      ],
      [
        "group",
        ["shown group", "3 5 in 10"],
        {
          Φ: "0.3000",
          "90 % interval": "0.0200 – 0.4000",
          reducible: "in 96 % of 50 resamples",
          null: "none: units were set",
          "other thresholds": "0.4000 – 0.4000",
          coverage: "3/4 states",
          set: "8,640 backgrounds from 576 sequences",
          engine: "fast 1",
        },
      ],
    ]);
    const [layer, shown] = told(null) as [unknown[], unknown[]];
    expect([layer[2], shown[2]]).toEqual([
      expect.objectContaining({ "90 % interval": "not computed" }),
      expect.objectContaining({ "90 % interval": "0.0200 – 0.4000" }),
    ]);
  });
  it("of one group of units are one set, with the interval that there is and the state that it is of", () => {
    const one = (change: Partial<EpochRecord>) => {
      const sets = setsOf(record({ perturbation, ...change }), 0);
      expect(sets.map(({ of, title }) => [of, title])).toEqual([["all", null]]);
      return Object.fromEntries(sets.flatMap((set) => set.chips.map(({ name, text }) => [name, text])));
    };
    const interval = { level: 0.9, low: 0.1, high: 0.5, draws: 9, words: "", parts: null } as unknown as EpochRecord["interval"];
    const only = (change: Partial<Survey> = {}) =>
      survey([group([0.3, 0.1], [1, 1], { positive: 1 })], { resampled: Array(200).fill(0.2), ...change });
    expect(one({ survey: only() })).toMatchObject({
      "Φ in 10": "0.3000",
      "90 % interval": "not computed",
      "not reducible in 10": "in 100 % of 200 resamples",
    });
    const known = one({ survey: only(), interval });
    expect(known["90 % interval in 10"]).toBe("0.1000 – 0.5000");
    expect(known).not.toHaveProperty("90 % interval");
    expect(one({ survey: only({ low: 0.15, high: 0.2 }), interval })).toMatchObject({ "90 % interval": "0.1500 – 0.2000" });
    expect(one({ interval })).toMatchObject({ "90 % interval": "0.1000 – 0.5000" });
  });
  it("of a number of IIT 4.0 are the same two sets", () => {
    const two = survey([group([0, 0], [1, 1]), group([0.1], [1])], { share: 0.4, signed: -0.1, low: 0, high: 0.1 });
    const sets = setsOf(record({ perturbation, formalism: "iit4-2023", survey: two }), 0);
    expect(sets.map(({ of, chips: all }) => [of, all.slice(0, 3).map(({ name, text }) => `${name}: ${text}`)])).toEqual([
      ["layer", ["kind: causal", "90 % interval of mean φ_s: 0 – 0.1000", "mean over: 2 of 4 visited states"]],
      ["group", ["φ_s: 0.3000", "null: none: units were set", "set: 8,640 backgrounds from 576 sequences"]],
    ]);
  });
  it("has a null in green only where the structure does not say 0", () => {
    const found = { name: "cut", p: 0.05, upper: 0.1, mean: 0.05, excess: 0.1, surrogates: 19, seed: 0 };
    const mood = (change: object) =>
      chips(record({ null: found, perturbation: null, ...change } as never), 0).find(({ name }) => name === "null")?.mood;
    expect(mood({ kind: "observational", structural_phi: null })).toBe("good");
    expect(mood({ kind: "observational", structural_phi: 0 })).toBe("");
    expect(mood({ kind: "statistical", structural_phi: 0 })).toBe("");
  });
  it("of a Φ that depends on ties says so, beside the shown group", () => {
    const result = (change: object) =>
      ({
        ...record({}).result,
        concepts: Array(9),
        phi_margin: 0.0312,
        tied_purviews: [],
        phi_jitter: [0.29, 0.31],
        ...change,
      }) as never;
    const shown = (change: object) => {
      const states = [{ state: [1, 0], visits: 3, result: result(change) }] as never;
      return chips(record({ states, survey: survey([group([0.3], [1])]) }), 0).find(({ name }) => name === "Φ in 10");
    };
    const tied = shown({ tied_purviews: [[0], [0, 1]], phi_margin: 0 });
    expect([tied?.text, tied?.mood]).toEqual(["0.3000, tied", "warn"]);
    expect(tied?.lines).toContain(
      "Φ depends on ties: in 2 of 9 concepts a rule chose between purviews of equal φ, and TPMs that differ by at most 0.0001 have " +
        "Φ 0.2900 – 0.3100. The second-best partition loses 0 more.",
    );
    const zero = shown({ phi: 0, tied_purviews: [[0]], phi_jitter: [0, 0.0001], phi_margin: 0 });
    expect([zero?.text, zero?.mood]).toEqual(["0", undefined]);
    expect(zero?.lines).toContain("TPMs that differ by at most 0.0001 have Φ up to 0.0001.");
    const none = shown({});
    expect([none?.text, none?.mood]).toEqual(["0.3000", undefined]);
    expect(none?.lines).toContain("The second-best partition loses 0.0312 more.");
    for (const unknown of [{ tied_purviews: null, phi_jitter: null, phi_margin: null }, { tied_purviews: undefined }])
      expect(shown(unknown)?.lines.length).toBe((none?.lines.length ?? 0) - 1);
  });
  it("of another state are no null, interval, seconds and thresholds of the first", () => {
    const result = (phi: number, seconds: number) => ({ ...record({}).result, phi, seconds }) as EpochRecord["result"];
    const judged = {
      states: [
        { state: [1, 0], visits: 3, result: result(0.3, 1) },
        { state: [0, 1], visits: 1, result: result(0.2, 7) },
      ],
      null: { name: "cut", surrogates: 19, mean: 0.31, upper: 0.32, excess: -0.0058, p: 0.4, seed: 0 },
      interval: { level: 0.9, low: 0.1, high: 0.5, draws: 9, words: "" },
      sensitivity: [{ quantile: 0.3, phi: 0.4, reason: "" }],
      major_complex: { nodes: [0], result: result(0.3, 1), others: [] },
    } as unknown as Partial<EpochRecord>;
    const of = (at: number) => new Map(chips(record(judged), at).map((chip) => [chip.name, chip]));
    const [first, second] = [of(0), of(1)];
    for (const name of ["90 % interval", "other thresholds", "major complex"])
      expect([first.has(name), second.has(name)], name).toEqual([true, false]);
    expect(first.get("null")?.text).toBe("p = 0.4, up to 0.32");
    expect(first.get("null")?.lines.at(-1)).toEqual(["Φ in 10 is below the mean by", "0.0058"]);
    expect(second.get("null")?.text).toBe("not of this state");
    expect([first, second].map((all) => all.get("engine")?.lines.at(-1))).toEqual([
      "1 s, partitions evaluated: 6",
      "7 s, partitions evaluated: 6",
    ]);
    const surveyed = { ...judged, survey: survey([group([0.3, 0.2], [3, 1], { positive: 1 })], { resampled: [0.3] }) };
    const shown = (at: number) => chips(record(surveyed), at);
    expect(shown(0).map(({ name }) => name)).toContain("not reducible in 10");
    expect(
      shown(1)
        .map(({ name }) => name)
        .join(),
    ).not.toContain("reducible");
    expect(
      shown(0)
        .find(({ name }) => name === "null in 10")
        ?.lines.at(-1)?.[0],
    ).toBe("Φ of the shown group in 10 is below the mean by");
    const lines = (at: number) => JSON.stringify(shown(at).find(({ name }) => name.startsWith("Φ in "))?.lines);
    expect([lines(0).includes("0.5000"), lines(1).includes("0.5000")]).toEqual([true, false]);
  });
  it("of a system that leaves units out are its units", () => {
    const units = { indices: [3, 5], labels: ["3", "5"], bits: 1, clusters: [] } as unknown as EpochRecord["units"];
    const system = (nodes: number[]) => {
      const result = {
        ...record({}).result,
        status: "computed_iit4",
        nodes,
        partition: [],
        partitions: 3,
        reason: "",
      } as unknown as EpochRecord["result"];
      return chips(record({ units, result, states: [{ state: [1, 0], visits: 1, result }] } as never), 0).find(
        ({ name }) => name === "system",
      );
    };
    expect(system([0, 1])).toBeUndefined();
    expect(system([1])).toMatchObject({ text: "5", lines: ["Background, no part of the system: 3."] });
  });
  it("are the notes, those first that say that something does not hold", () => {
    const diagnostics = [
      { words: "all is set", verdict: "ok" },
      { words: "", verdict: "not applicable" },
      { words: "the noise is not independent", verdict: "violated" },
    ] as EpochRecord["diagnostics"];
    expect(notes(record({ diagnostics, notes: ["a note"], lesions: [] } as never))).toEqual([
      "the noise is not independent",
      "all is set",
      "a note",
    ]);
  });
  it("of a group without Φ is why, also where the layer has one", () => {
    const failed = { status: "failed", code: "engine_error", reason: "it broke", details: "" } as EpochRecord["result"];
    const all = chips(record({ result: failed, states: [], survey: survey([group([0.3], [1])]) }), 0);
    const found = all.find(({ name }) => name === "Φ");
    expect([found?.text, found?.lines.at(-1)]).toEqual(["failed", "it broke"]);
  });
});
