import { describe, expect, it } from "vitest";
import type { NetworkLayer, NetworkSnapshot } from "../src/data/types";
import { bodiesOf, firstOpen, flowsOf } from "../src/layout/blocks";
import { placeNetwork } from "../src/layout/network";
import { flowPaths, flowSegments } from "../src/scene/strands";

const layer = (name: string, analysed: number[] = []) =>
  ({ name, kind: "linear", width: 4, heads: 0, indices: [0, 1, 2, 3], analysed, aliases: [], part: "" }) as unknown as NetworkLayer;

/** in → [a → b → a's block] → [c → d] → out, with a way around the first block. */
const network = {
  layers: [layer("in"), layer("x.a", [2]), layer("x.b"), layer("y.c"), layer("y.d"), layer("out")],
  blocks: [
    { name: "x", kind: "Block", layers: [1, 2] },
    { name: "y", kind: "Block", layers: [3, 4] },
  ],
  flows: [
    [0, 1],
    [1, 2],
    [2, 3],
    [0, 3],
    [3, 4],
    [4, 5],
  ],
  connections: [{ from_layer: 4, to_layer: 5, weights: [], largest: 0 }],
} as unknown as NetworkSnapshot;

describe("blocks", () => {
  it("are one body until they are open, with their analysed units only", () => {
    const closed = bodiesOf(network, new Set());
    expect(closed.map(({ name }) => name)).toEqual(["in", "x", "y", "out"]);
    expect(closed[1]?.members).toEqual([{ layer: 1, position: 2 }]);
    expect(closed[2]?.members).toEqual([]);
    const open = bodiesOf(network, new Set(["y"]));
    expect(open.map(({ name }) => name)).toEqual(["in", "x", "y.c", "y.d", "out"]);
    expect(open[2]?.members).toHaveLength(4);
  });
  it("are open at first where there are few layers, and none where a snapshot knows of none", () => {
    expect(firstOpen(network)).toEqual(new Set(["x", "y"]));
    expect(firstOpen({ ...network, layers: Array(13).fill(layer("z")) })).toEqual(new Set());
    const { blocks: _, ...old } = network;
    expect(bodiesOf(old, new Set()).map(({ name }) => name)).toEqual(network.layers.map(({ name }) => name));
  });
  it("are connected where data flowed from one to another, once each, and not within", () => {
    const closed = bodiesOf(network, new Set());
    expect(flowsOf(network, closed)).toEqual([
      { from: 0, to: 1 },
      { from: 1, to: 2 },
      { from: 0, to: 2 },
      { from: 2, to: 3 },
    ]);
    expect(flowsOf({}, closed)).toEqual([]);
  });
  it("have a line where no weights are drawn; one that passes over a body goes above it", () => {
    const open = placeNetwork(network, null, new Set(["x", "y"]));
    const segments = flowSegments(flowPaths(network, open), "#888888");
    const straight = segments.filter(({ from, to }) => from[1] === 0 && to[1] === 0);
    expect(straight).toHaveLength(4); // not from y.d to out, whose weights are drawn
    const top = Math.max(...segments.map(({ to }) => to[1]));
    expect(top).toBeGreaterThan(open[1]?.radius as number);
  });
});
