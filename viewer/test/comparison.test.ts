import { describe, expect, it } from "vitest";
import type { EpochRecord } from "../src/data/types";
import { diverging, joined, remarks, sharedState, tpmDifference } from "../src/scales/comparison";
import { bandOf, bandStretches, curves, epochsInPoint, smoothed, thinned } from "../src/scales/curve";
import { index, row } from "./rows";

const tpm = (rows: number[][], visited = rows.map(() => true)) => ({ state_by_node: rows, visited, prior: 0.5 });
const record = (kind: string, indices: number[]) =>
  ({
    kind,
    units: { indices, bits: 1 },
    layer: "x",
    axis: "time",
    formalism: "iit3",
    thresholds: { strategy: "median" },
    perturbation: { background: "sampled" },
    provenance: { initial_weights: "" },
  }) as unknown as EpochRecord;

describe("two records", () => {
  it("have their mechanisms in one table, those that differ most first", () => {
    const a = [
      { mechanism: [0], phi: 0.5 },
      { mechanism: [0, 1], phi: 0.2 },
    ];
    const b = [
      { mechanism: [0, 1], phi: 0.1 },
      { mechanism: [2], phi: 0.3 },
    ];
    expect(joined(a, b)).toEqual([
      { mechanism: [0], a: 0.5, b: null },
      { mechanism: [2], a: null, b: 0.3 },
      { mechanism: [0, 1], a: 0.2, b: 0.1 },
    ]);
  });

  it("differ in their TPMs where both have visited a state", () => {
    const found = tpmDifference(tpm([[0.25], [1]]), tpm([[0.75], [0]], [true, false]));
    expect(found).toEqual({ values: [[0.5], [-1]], visited: [true, false], most: 0.5 });
    expect(tpmDifference(tpm([[0], [1]]), tpm([[0, 0]]))).toBeNull();
    expect(tpmDifference(null, tpm([[0]]))).toBeNull();
  });

  it("are not subtracted where a letter, an ON or a step does not mean the same", () => {
    const [state, found] = [[0, 1], (a: EpochRecord, b: EpochRecord) => remarks({ a, b, states: [state, state] })];
    const of = record("causal", [1, 2]);
    const not = (change: object) => found(of, { ...of, ...change } as EpochRecord);
    expect(found(of, of)).toEqual({ forbids: "", mechanisms: "", words: "" });
    const groups = (many: number) => ({ groups: Array(many).fill({}) });
    const mean = { ...of, survey: groups(20) } as unknown as EpochRecord;
    const other = { ...of, units: { indices: [1, 2, 3], bits: 1 }, survey: groups(1) } as unknown as EpochRecord;
    expect(found(mean, other).words).toBe(
      "Φ of the layer is a mean over 20 groups of 2 units in A and that of one group of 3 units in B: these are not the same quantity.",
    );
    expect(found(mean, mean).words).toBe("");
    expect(not({ kind: "observational" }).forbids).toMatch(/^Not subtracted: A is causal, B is observational.*different kinds/);
    expect(not({ units: { indices: [1], bits: 1 } }).forbids).toMatch(/A has 2 units, B has 1/);
    expect(not({ units: { indices: [1, 3], bits: 1 } }).forbids).toMatch(/other units: of A 1, 2, of B 1, 3/);
    expect(not({ layer: "other" }).forbids).toMatch(/A is of layer x, B of layer other/);
    expect(not({ formalism: "iit4-2023" }).forbids).toMatch(/A is of IIT 3.0, B of IIT 4.0/);
    expect(not({ axis: "depth" }).forbids).toMatch(/of A goes along time, one of B along depth/);
    expect(not({ thresholds: { strategy: "zero" } }).forbids).toMatch(/of A median, of B zero/);
    expect(not({ perturbation: { background: "fixed" } }).forbids).toMatch(/of A sampled, of B fixed/);
  });

  it("have the same mechanisms in the same state only", () => {
    const of = record("causal", [1, 2]);
    const words = remarks({
      a: of,
      b: of,
      states: [
        [0, 1],
        [1, 1],
      ],
    });
    expect(words.forbids).toBe("");
    expect(words.mechanisms).toMatch(/A is in state 01, B in 11/);
    const states = (...all: number[][]) => all.map((state) => ({ state }));
    expect(sharedState(states([0, 0], [0, 1], [1, 1]), states([1, 1], [0, 1]))).toEqual([0, 1]);
    expect(sharedState(states([0, 0]), states([1, 1]))).toBeNull();
  });

  it("share only places where they began with other weights", () => {
    const [one, other] = ["aa", "bb"].map((initial_weights) => ({ ...record("causal", [1]), provenance: { initial_weights } }));
    const words = (a: unknown, b: unknown) => remarks({ a: a as EpochRecord, b: b as EpochRecord, states: [[0], [0]] }).words;
    expect(words(one, other)).toMatch(/began with other weights/);
    expect(words(one, one)).toBe("");
    expect(words(one, { ...other, provenance: { initial_weights: "" } })).toBe("");
  });

  it("have the colour of the side that has more", () => {
    expect([diverging(-1, 1), diverging(0, 1), diverging(1, 1)]).toEqual(["#0072b2", "#f4f4f4", "#d55e00"]);
  });
});

describe("all runs", () => {
  const one = (phis: (number | null)[], kind = "causal") =>
    index(phis.map((phi, epoch) => row("x", epoch, { phi, mean: phi, kind, status: phi === null ? "failed" : "computed" })));

  it("have their mean and range where two or more have a number", () => {
    const found = bandOf([one([0.1, 0.2, 0.3]), one([0.3, null]), one([0.2, 0.6])], "x", "causal");
    expect(found).toMatchObject({ epochs: [0, 1], low: [0.1, 0.2], high: [0.3, 0.6], runs: [3, 2] });
    expect(found?.line.map((value) => value?.toFixed(6))).toEqual(["0.200000", "0.400000"]);
  });

  it("make no band of one run, or of runs of another kind", () => {
    expect(bandOf([one([0.1])], "x", "causal")).toBeNull();
    expect(bandOf([one([0.1]), one([0.2], "statistical")], "x", "causal")).toBeNull();
    expect(bandOf([one([0.1]), one([0.2])], "y", "causal")).toBeNull();
  });
});

describe("a running mean", () => {
  it("takes what is around each number, and fills no gap", () => {
    expect(smoothed({ line: [1, null, 3, 5, 9], epochs: [0, 1, 2, 3, 4], breaks: [] }, 3)).toEqual([1, null, 4, 17 / 3, 7]);
    expect(smoothed({ line: [1, null, 3, 5, 9], epochs: [0, 1, 2, 3, 4], breaks: [4] }, 3)).toEqual([1, null, 4, 4, 9]);
    expect(smoothed({ line: [1, null], epochs: [0, 1], breaks: [] }, 1)).toEqual([1, null]);
  });
});

describe("a curve of more epochs than have room", () => {
  const many = index(Array.from({ length: 1000 }, (_, epoch) => row("x", epoch, { mean: epoch % 10, phi: 2, maximum: 40 })));
  const [curve] = curves(
    many,
    many.rows.map(({ epoch }) => epoch),
  ) as [ReturnType<typeof curves>[number]];
  it("has as many epochs in a point as the chart needs", () => {
    expect(epochsInPoint([curve], [0, 999], 300)).toBe(10);
    expect(epochsInPoint([curve], [0, 999], 3000)).toBe(1);
    expect(epochsInPoint([curve], [100, 149], 300)).toBe(1);
    expect(epochsInPoint([], [0, 0], 0)).toBe(1);
  });
  it("is drawn with their mean, and a band from the smallest to the largest", () => {
    const found = thinned(curve, 10);
    expect([found.epochs.length, found.epochs[0], found.epochs.at(-2)]).toEqual([101, 5, 995]);
    const [line, low, high] = [found.line, found.low, found.high].map((values) => values.slice(0, -2));
    expect(new Set(line)).toEqual(new Set([4.5]));
    expect([new Set(low), new Set(high)]).toEqual([new Set([0]), new Set([9])]);
    expect(thinned(curve, 300).epochs).toEqual([150, 450, 750, 998, 999]);
    expect(thinned(curve, 1)).toEqual(curve);
  });
  it("has the untrained network and the last epoch as they are, which the words beside the chart name", () => {
    const all = { ...curve, epochs: curve.epochs.map((epoch) => epoch - 1) };
    const { epochs, line, low, high } = thinned(all, 10);
    expect([epochs[0], line[0], low[0], high[0]]).toEqual([-1, 0, 0, 0]);
    expect([epochs.at(-1), line.at(-1), low.at(-1), high.at(-1)]).toEqual([998, 9, 9, 9]);
    expect([epochs[1], line[1]]).toEqual([5, 4.5]);
  });
  it("has a band only between neighbouring epochs that both have one", () => {
    const low = [1, null, null, 1, 1, null, 2, 2];
    const some = { ...curve, epochs: [0, 1, 2, 3, 4, 5, 6, 7], low, high: low, breaks: [] };
    expect(bandStretches(some)).toEqual([
      [3, 4],
      [6, 7],
    ]);
    expect(bandStretches({ ...some, breaks: [4] })).toEqual([[6, 7]]);
  });
  it("has a gap only where no epoch of a point has a number, and the band of what was measured, not of running means", () => {
    const values = [null, 2, 4, null, null, null];
    const gappy = { ...curve, epochs: [0, 1, 2, 3, 4, 5], line: values, phi: values, nullUpper: values };
    const { line, low, high } = thinned(gappy, 3, [null, 3, 3, null, null, null]);
    expect([line, low, high]).toEqual([
      [3, null, null],
      [2, null, null],
      [4, null, null],
    ]);
  });
});
