// The curves of loss and accuracy beside Φ.
import { expect, it } from "vitest";
import { metricsOf, nameOfMetric } from "../src/parts/plot";
import { gapped } from "../src/scales/curve";
import type { AppState } from "../src/state/app";

const side = (...tags: string[]) =>
  ({
    scalars: { series: tags.map((tag) => ({ tag, points: [[4, 0.5]] })) },
    index: { rows: [{ layer: "x", epoch: 0, global_step: 4, status: "computed" }] },
  }) as unknown as AppState["a"];

it("of two runs have one colour for the same quantity, so that those of a run are told apart", () => {
  const state = { a: side("loss", "accuracy"), b: side("accuracy", "loss") } as AppState;
  const found = metricsOf(state);
  expect(found.map((metric) => nameOfMetric(metric, true))).toEqual(["A · loss", "A · accuracy", "B · accuracy", "B · loss"]);
  const [lossA, accuracyA, accuracyB, lossB] = found.map(({ color }) => color);
  expect([lossB, accuracyB]).toEqual([lossA, accuracyA]);
  expect(lossA).not.toBe(accuracyA);
  expect(metricsOf({ ...state, b: null }).map((metric) => nameOfMetric(metric, false))).toEqual(["loss", "accuracy"]);
});

it("make no line of Φ go on in a gap, though they have points between its epochs", () => {
  const none = undefined;
  expect(gapped([0.1, none, 0.2, none, null, none, none, 0.4, none])).toEqual([0.1, none, 0.2, null, null, null, null, 0.4, none]);
  expect(gapped([none, 0.1, none, 0.2])).toEqual([none, 0.1, none, 0.2]);
  expect(gapped([])).toEqual([]);
});
