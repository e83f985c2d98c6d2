import { describe, expect, it } from "vitest";
import { measuresCsv, pairsCsv } from "../src/save/whole";
import type { Pairs, Whole, WholeMeasure, WholeValue } from "../src/scales/whole";
import {
  aboveNull,
  divisionWords,
  elementName,
  isOutside,
  measuredWords,
  nullWords,
  outsideWords,
  pairMatrix,
  pairPlace,
  pairScale,
  signed,
} from "../src/scales/whole";

const value = (change: Partial<WholeValue> = {}): WholeValue => ({
  value: 0.5,
  null: { mean: 0.2, upper: 0.3, p: 0.05, surrogates: 19, method: "shifts", searched: false },
  interval: { low: 0.4, high: 0.7, level: 0.95, bias: 0, resamples: 100, block: 8, same_partition: null },
  expected_bias: null,
  spread: 0,
  beta: null,
  ...change,
});
const measure = (partition: number[][], search: WholeMeasure["search"] = "heuristic"): WholeMeasure => ({
  name: "stochastic_interaction",
  minimum: value(),
  atomic: value(),
  gap: null,
  partition,
  search,
});
const pairs = (elements: number[][], values: number[], means: number[] = []): Pairs => ({
  elements,
  redundancy: "mmi",
  surrogates: means.length ? 19 : 0,
  notes: [],
  numbers: [{ name: "synergy", values, null_means: means, p: [] }],
});

describe("a value of a whole layer", () => {
  it("is told above the mean of its null, with its interval moved by the same", () => {
    const close = (one: number) => expect.closeTo(one, 9);
    expect(aboveNull(value())).toEqual({ value: close(0.3), low: close(0.2), high: close(0.5) });
    expect(aboveNull(value({ interval: null }))).toEqual({ value: close(0.3), low: close(0.3), high: close(0.3) });
    expect(aboveNull(value({ null: null }))).toBeNull();
  });
  it("says where it lies outside of its own interval, and why", () => {
    expect([isOutside(value()), isOutside(value({ interval: null }))]).toEqual([false, false]);
    const moved = { low: 0.6, high: 0.7, level: 0.95, bias: -0.15, resamples: 100, block: 8, same_partition: null };
    const below = { ...measure([[0], [1]]), minimum: value({ interval: moved }) };
    const above = { ...measure([[0], [1]]), atomic: value({ interval: { ...moved, low: 0.1, high: 0.2, bias: 0.3 } }) };
    expect(outsideWords([measure([[0], [1]])])).toBe("");
    expect(outsideWords([below, above])).toMatch(
      /^\* A value may lie outside.*: SI at this division 0.15 smaller, SI all units apart 0.3 larger\.$/,
    );
  });
  it("says its null and its division", () => {
    expect(nullWords(value())).toBe("19 surrogates (parts shifted against each other), division held");
    expect(nullWords(value({ null: null }))).toBe("no null");
    expect(divisionWords(measure([[0, 1, 2, 3, 4, 5, 6, 8], [7]], "queyranne"))).toBe(
      "unit 7 against the other 8: the smallest of all divisions (Queyranne)",
    );
    expect(
      divisionWords(
        measure([
          [2, 4],
          [1, 3, 5],
        ]),
      ),
    ).toMatch(/^units 2, 4 against units 1, 3, 5: .*a smaller one may exist$/);
    expect([signed(0.12345), signed(-0.5), signed(0)]).toEqual(["+0.123", "−0.5", "0"]);
  });
  it("says how many units and samples it is of", () => {
    const whole = {
      units: [0, 1, 2],
      dropped: [],
      elements: [[0], [1], [2]],
      samples: 1200,
      sequences: 12,
      lag: 1,
      effective_samples: 310.4,
    };
    expect(measuredWords(whole as Whole)).toBe(
      "N = 3 units; 1,200 pairs of a past and a present in 12 sequences, worth 310 independent ones.",
    );
    const dropped = [
      { unit: 1, reason: "it never varies" },
      { unit: 3, reason: "it repeats unit 0" },
      { unit: 4, reason: "it repeats unit 2" },
    ];
    const some = { ...whole, units: [0, 2, 5], dropped, lag: 0, effective_samples: null };
    expect(measuredWords(some as unknown as Whole, 9)).toBe(
      "N = 3 of 9 units (measured: 0, 2, 5; 1 left out: it never varies; 2 left out: it repeats unit …; 3 not drawn); " +
        "1,200 samples without an order.",
    );
    const grouped = { ...whole, elements: [[0, 1], [2]], lag: 0, effective_samples: null };
    expect(measuredWords(grouped as Whole)).toBe("N = 3 units in 2 groups; 1,200 samples without an order.");
  });
});

describe("pairs of units", () => {
  it("are a symmetric matrix, less the means of the null", () => {
    const four = pairs([[0], [1], [2], [3]], [1, 2, 3, 4, 5, 6], [0, 0, 0, 5, 0, 0]);
    const [numbers] = four.numbers;
    if (!numbers) throw new Error("no numbers");
    const { rows, most, mean } = pairMatrix(four, numbers);
    expect(rows).toEqual([
      [0, 1, 2, 3],
      [1, 0, -1, 5],
      [2, -1, 0, 6],
      [3, 5, 6, 0],
    ]);
    expect([most, mean]).toEqual([6, 16 / 6]);
    for (const [a, b] of [
      [0, 1],
      [2, 0],
      [0, 3],
      [2, 1],
      [3, 1],
      [2, 3],
    ] as const)
      expect((numbers.values[pairPlace(4, a, b)] ?? 0) - (numbers.null_means[pairPlace(4, a, b)] ?? 0)).toBe(rows[a]?.[b]);
  });
  it("have the names of their units", () => {
    const two = pairs([[4], [5, 6]], [1]);
    expect([elementName(two, 0), elementName(two, 1)]).toEqual(["unit 4", "group 1 (2 units)"]);
  });
});

describe("as numbers", () => {
  const rows = (text: string) => text.split("\r\n").map((one) => one.split(","));
  it("have a row for each measure at each division, those of the whole epoch too, to the last digit", () => {
    const epoch = { measure: { ...measure([[0], [1, 2]], "queyranne"), name: "total_correlation" }, samples: 900 };
    const none = { ...measure([[0, 2], [1]]), atomic: value({ value: 0.1 + 0.2, null: null, interval: null }) };
    const [heads = [], ...found] = rows(
      measuresCsv({ measures: [none], epoch, samples: 60, kind: "statistical" } as unknown as Whole),
    );
    const of = (name: string) => found.slice(0, -1).map((row) => row[heads.indexOf(name)]);
    expect(of("measure")).toEqual([...Array(2).fill("stochastic_interaction"), ...Array(2).fill("total_correlation")]);
    expect(of("activity")).toEqual(["fixed weights", "fixed weights", "whole epoch", "whole epoch"]);
    expect(of("samples")).toEqual(["60", "60", "900", "900"]);
    expect(of("division")).toEqual(["0 2 | 1", "all apart", "0 | 1 2", "all apart"]);
    expect(of("search")).toEqual(["heuristic", "", "queyranne", ""]);
    expect(of("value")).toEqual(["0.5", "0.30000000000000004", "0.5", "0.5"]);
    expect(of("above_null")).toEqual(["0.3", "", "0.3", "0.3"]);
    expect(of("high")).toEqual(["0.7", "", "0.7", "0.7"]);
    expect(new Set(of("kind"))).toEqual(new Set(["statistical"]));
  });
  it("have a row for each pair, by its units", () => {
    const of = pairs([[4], [5, 6], [7]], [1, 2, 3], [0.5, 0.25, 0]);
    expect(pairScale(of)).toEqual({ axis: "Group", names: ["0", "1", "2"] });
    expect(pairScale(pairs([[4], [7]], [1]))).toEqual({ axis: "Unit", names: ["4", "7"] });
    expect(rows(pairsCsv(of, "statistical"))).toEqual([
      ["number", "redundancy", "first", "second", "value", "null_mean", "p", "kind"],
      ["synergy", "mmi", "4", "5 6", "1", "0.5", "", "statistical"],
      ["synergy", "mmi", "4", "7", "2", "0.25", "", "statistical"],
      ["synergy", "mmi", "5 6", "7", "3", "0", "", "statistical"],
      [""],
    ]);
  });
});
