import { describe, expect, it, vi } from "vitest";
import { Cache } from "../src/data/cache";
import { InlineSource } from "../src/data/inline";
import type { EpochRecord } from "../src/data/types";
import { commandLine } from "../src/parts/commandLine";
import { isRecorded, questionLine } from "../src/parts/question";
import type { Side } from "../src/state/app";
import { analysedName, bestLayer, nearest, newSide, settle, shownSide, stepEpoch } from "../src/state/app";
import { Store } from "../src/state/store";
import { index, row } from "./rows";

const side = (rows: ReturnType<typeof row>[]): Side => ({
  ...newSide({ id: "r", name: "r", modified: 0, path: "/x", tracking_uri: "" }),
  index: index(rows),
});

describe("the store", () => {
  it("tells those who asked for what changed, and only them", () => {
    const store = new Store({ a: 1, b: 2 });
    const [onA, onB] = [vi.fn(), vi.fn()];
    const off = store.on(["a"], onA);
    store.on(["b"], onB);
    store.set({ a: 5 });
    store.set({ a: 5 });
    expect(onA).toHaveBeenCalledTimes(2);
    expect(onB).toHaveBeenCalledTimes(1);
    off();
    store.set({ a: 6 });
    expect(onA).toHaveBeenCalledTimes(2);
    expect(store.state).toEqual({ a: 6, b: 2 });
    const late = vi.fn();
    const ends = [() => {}];
    store.on(["b"], () => ends[0]?.());
    ends[0] = store.on(["b"], late);
    store.set({ b: 9 });
    expect(late).toHaveBeenCalledTimes(1);
  });
});

describe("what is shown when an index comes", () => {
  const rows = [row("x", 0, { phi: 0.1 }), row("y", 0, { kind: "statistical", phi: 0.9 }), row("x", 3)];
  it("is the newest epoch while following", () => {
    expect(settle({ a: side(rows), b: null, layer: "x", epoch: 0, follow: true })).toEqual({ layer: "x", epoch: 3 });
  });
  it("stays where the person is otherwise", () => {
    expect(settle({ a: side(rows), b: null, layer: "x", epoch: 0, follow: false })).toEqual({ layer: "x", epoch: 0 });
    expect(settle({ a: side(rows), b: null, layer: "x", epoch: 1, follow: false }).epoch).toBe(0);
  });
  it("begins with a layer whose units have connections", () => {
    expect(bestLayer(index(rows), ["x", "y"])).toBe("x");
    expect(settle({ a: side(rows), b: null, layer: "gone", epoch: null, follow: false })).toEqual({ layer: "x", epoch: 3 });
  });
  it("is nothing for a run without records", () => {
    expect(settle({ a: side([]), b: null, layer: null, epoch: null, follow: true })).toEqual({ layer: null, epoch: null });
  });
});

describe("epochs", () => {
  it("are stepped through without leaving the ends", () => {
    expect(stepEpoch([-1, 0, 4], 0, 1)).toBe(4);
    expect(stepEpoch([-1, 0, 4], 4, 1)).toBe(4);
    expect(stepEpoch([], 4, 1)).toBeNull();
    expect(nearest([1, 9], 6)).toBe(9);
  });
});

describe("names", () => {
  it("of an analysed layer may be those of the activation after it", () => {
    expect(analysedName({ name: "0", aliases: ["1"] }, index([row("1", 0)]))).toBe("1");
    expect(analysedName({ name: "0", aliases: [] }, index([row("1", 0)]))).toBeNull();
  });
  it("of the shown side", () => {
    const [a, b] = [side([]), side([])];
    expect(shownSide({ a, b, shown: "b" })).toBe(b);
    expect(shownSide({ a, b: null, shown: "b" })).toBe(a);
  });
});

describe("the command line", () => {
  it("is what a shell takes, whatever the path is", () => {
    const run = { id: "r", name: "r", modified: 0, path: "/runs/it's $(rm)", tracking_uri: "" };
    expect(commandLine(run, "iit/a/epoch=0001.json", [1, 0], "fast")).toBe(
      "lightning-iit phi '/runs/it'\\''s $(rm)/iit/a/epoch=0001.json' --state 1,0 --engine fast",
    );
    expect(commandLine({ ...run, path: "/a" }, "iit/x/epoch=0.json", [1], "auto")).toBe(
      "lightning-iit phi /a/iit/x/epoch=0.json --state 1",
    );
  });
});

describe("a question about other units", () => {
  const units = (...indices: number[]) => ({ indices, bits: 1, clusters: [], width: 32, selection: "given", seed: null });
  const counts = { visits: [], on: [], joint: [] };
  const groups = [units(3, 8, 21), units(4, 8, 30)].map((one) => ({ units: one, counts }));
  const record = { layer: "net.gru", epoch: 3, units: units(3, 8, 21), counts, survey: { groups } } as unknown as EpochRecord;
  it("is answered from the record where one group has all of them", () => {
    const asked = [
      [3, 21],
      [30, 4],
      [3, 4],
      [3, 9],
    ];
    expect(asked.map((one) => isRecorded(record, one))).toEqual([true, true, false, false]);
    const macro = { ...record, units: { ...units(3, 8), clusters: [[3, 4], [8]] }, survey: null } as unknown as EpochRecord;
    expect(isRecorded(macro, [3, 8])).toBe(false);
  });
  it("names the run, its epoch and layer, or the record where the run is on a server", () => {
    const run = { id: "r", name: "r", modified: 0, path: "/runs/a b", tracking_uri: "" };
    expect(questionLine(run, record, "iit/net.gru/epoch=0003.json", [3, 9], "--state 10")).toBe(
      "lightning-iit phi '/runs/a b' --epoch 3 --layer net.gru --units 3,9 --state 10",
    );
    expect(questionLine({ ...run, tracking_uri: "http://x" }, record, "iit/net.gru/epoch=0003.json", [3, 9], "--state 10")).toBe(
      "lightning-iit phi ./epoch=0003.json --units 3,9 --state 10",
    );
  });
});

describe("the command line's parts", () => {
  it("fetch a record that an MLflow server has", () => {
    const run = { id: "0af", name: "r", modified: 0, path: "", tracking_uri: "http://127.0.0.1:5000" };
    expect(commandLine(run, "iit/x/epoch=0.json", [1], "fast")).toBe(
      "MLFLOW_TRACKING_URI=http://127.0.0.1:5000 mlflow artifacts download --run-id 0af --artifact-path iit/x/epoch=0.json --dst-path . && " +
        "lightning-iit phi ./epoch=0.json --state 1 --engine fast",
    );
    expect(commandLine({ ...run, id: "0af/fine" }, "iit/x/epoch=0.json", [1], "fast")).toContain(
      "--run-id 0af --artifact-path fine/iit/x/epoch=0.json --dst-path",
    );
  });
  it("are those that the record was computed with", () => {
    const run = { id: "r", name: "r", modified: 0, path: "/a", tracking_uri: "" };
    const options = { cuts: "one" as const, new_concepts: false, pyphi: { MEASURE: "L1" } };
    expect(commandLine(run, "iit/x/epoch=0.json", [1], "pyphi", options)).toBe(
      "lightning-iit phi /a/iit/x/epoch=0.json --state 1 --engine pyphi --cuts one --no-new-concepts --option MEASURE=L1",
    );
  });
});

describe("a file that carries its data", () => {
  it("names the engines of the machine that wrote it", async () => {
    const source = new InlineSource({ title: "t", runs: [], engines: ["auto", "another"] });
    expect((await source.runs()).engines).toEqual(["auto", "another"]);
  });
});

describe("the cache", () => {
  it("keeps the last used and forgets failures", async () => {
    const cache = new Cache<number>(2);
    const make = vi.fn(async () => 1);
    await cache.get("a", make);
    await cache.get("b", make);
    await cache.get("a", make);
    await cache.get("c", make);
    await cache.get("a", make);
    expect(make).toHaveBeenCalledTimes(3);
    await expect(cache.get("x", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(cache.get("x", async () => 7)).resolves.toBe(7);
  });
});
