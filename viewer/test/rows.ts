// Rows of an index for the tests.
import type { IndexRow, RunIndex } from "../src/data/types";

export const row = (layer: string, epoch: number, change: Partial<IndexRow> = {}): IndexRow => ({
  layer,
  epoch,
  status: "computed",
  version: `${epoch}`,
  file: "",
  reason: "",
  global_step: 10 * (epoch + 1),
  wall_time: 0,
  kind: "causal",
  axis: "time",
  engine: "fast",
  phi: 0.1 * (epoch + 1),
  mean: 0.1,
  maximum: 0.2,
  null_upper: null,
  transitions: 1,
  coverage: 1,
  units: 3,
  phi_layer: null,
  low: null,
  high: null,
  groups: null,
  state: "",
  step: null,
  ...change,
});
export const index = (rows: IndexRow[], networks: number[] = []): RunIndex => ({
  run: "r",
  rows,
  steps: [],
  networks: networks.map((epoch) => ({ epoch, version: "1" })),
  notes: [],
});
