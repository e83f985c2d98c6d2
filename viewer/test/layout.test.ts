import { describe, expect, it } from "vitest";
import type { NetworkLayer, NetworkSnapshot } from "../src/data/types";
import { arrowPath, loopPath, NODE, placeCausal, severedPlace } from "../src/layout/causal";
import { cellAt, placeHeatmap } from "../src/layout/heatmap";
import { lookOf } from "../src/layout/kinds";
import { pathBetween, placeNetwork } from "../src/layout/network";
import { placeRecordCurve } from "../src/layout/recordCurve";

const layer = (kind: string, n: number, change: Partial<NetworkLayer> = {}): NetworkLayer =>
  ({
    name: `${kind}${n}`,
    kind,
    width: n,
    heads: 0,
    indices: [...Array(n).keys()],
    aliases: [],
    analysed: [],
    activity: [],
    mean_activity: [],
    detail: "",
    ...change,
  }) as NetworkLayer;
const network = (...layers: NetworkLayer[]) => ({ layers, connections: [] }) as unknown as NetworkSnapshot;

describe("the network in space", () => {
  const kinds = ["input", "linear", "conv", "gru", "embedding", "attention", "stream", "other"];
  it("keeps the order of the layers, centred, none within another", () => {
    const placed = placeNetwork(network(...kinds.map((kind, at) => layer(kind, 1 + at * 11, { heads: 4 }))));
    const xs = placed.map(({ x }) => x);
    expect(xs).toEqual([...xs].sort((a, b) => a - b));
    expect((xs[0] as number) + (xs[xs.length - 1] as number)).toBeCloseTo(0);
    for (const { points, x } of placed) for (const point of points) expect(point[0]).toBe(x);
  });
  it.each(kinds)("keeps the nodes of a layer of kind %s apart", (kind) => {
    for (const n of [1, 2, 7, 30, 64]) {
      const [placed] = placeNetwork(network(layer(kind, n, { heads: 4 })));
      const points = placed?.points ?? [];
      expect(points).toHaveLength(n);
      for (let a = 0; a < n; a++) {
        for (let b = 0; b < a; b++) {
          const [p, q] = [points[a], points[b]] as [[number, number, number], [number, number, number]];
          expect(Math.hypot(p[1] - q[1], p[2] - q[2])).toBeGreaterThan(0.55);
        }
      }
    }
  });
  it("draws a residual stream as drums, in a figure other than that of an embedding", () => {
    expect(lookOf("stream")).toEqual({ shape: "drum", figure: "disc" });
    expect(lookOf("embedding").figure).not.toBe("disc");
  });
  it("draws a kind that it does not know as one of kind other", () => {
    for (const kind of ["echo state", "constructor"]) {
      expect(lookOf(kind)).toEqual(lookOf("other"));
      expect(placeNetwork(network(layer(kind, 9)))[0]?.points).toEqual(placeNetwork(network(layer("other", 9)))[0]?.points);
    }
  });
  it("draws straight lines between layers and arcs within one", () => {
    expect(pathBetween([0, 0, 0], [5, 1, 1], false)).toHaveLength(2);
    const arc = pathBetween([0, 0, 0], [0, 2, 0], true);
    expect(arc[0]).toEqual([0, 0, 0]);
    expect(arc[arc.length - 1]).toEqual([0, 2, 0]);
    expect(Math.max(...arc.map(([x]) => x))).toBeGreaterThan(0.5);
  });
  it("draws a loop from a neuron to itself that encloses some room, and ends where it began", () => {
    for (const at of [
      [0, 1, 0],
      [3, -2, 4],
    ] as const) {
      const loop = pathBetween([...at], [...at], true);
      expect([loop[0], loop.at(-1)]).toEqual([[...at], [...at]]);
      const far = loop[loop.length / 2 - 0.5] as number[];
      const out = far.map((value, axis) => value - (at[axis] as number));
      const reach = Math.hypot(...out);
      const beside = loop.map((point) => {
        const from = point.map((value, axis) => value - (at[axis] as number));
        const along = from.reduce((sum, value, axis) => sum + (value * (out[axis] as number)) / reach, 0);
        return Math.sqrt(Math.max(0, Math.hypot(...from) ** 2 - along ** 2));
      });
      // A line out and back again, which looks like a loose end, has no width.
      expect(Math.max(...beside)).toBeGreaterThan(0.3 * reach);
      expect(Math.max(...loop.map(([x]) => x))).toBeGreaterThan((at[0] as number) + 0.5);
    }
  });
});

describe("the causal system", () => {
  it.each([
    [[0], [1]],
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
    [[5], [0, 1, 2, 3, 4]],
    [[0, 1, 2, 3, 4, 5, 6], [7]],
  ])("sets the parts %j and %j apart, inside the picture", (from, to) => {
    const n = from.length + to.length;
    const { places, parts, width, height } = placeCausal(n, [{ nodes: from }, { nodes: to }], 440, 268);
    const [left, right] = parts as [{ x: number; radius: number }, { x: number; radius: number }];
    expect(right.x - right.radius - (left.x + left.radius)).toBeGreaterThan(-1);
    from.forEach((node) => expect(places[node]?.part).toBe(0));
    to.forEach((node) => expect(places[node]?.part).toBe(1));
    for (const { x, y } of places) {
      expect(x).toBeGreaterThan(18);
      expect(x).toBeLessThan(width - 18);
      expect(y).toBeGreaterThan(18);
      expect(y).toBeLessThan(height - 18);
    }
  });
  it("has one circle without a partition", () => {
    const { places, parts } = placeCausal(3, [], 440, 232);
    expect(parts).toEqual([]);
    expect(new Set(places.map(({ x, y }) => `${Math.round(x)} ${Math.round(y)}`)).size).toBe(3);
  });
  it.each([
    [[[0], [1], [2]]],
    [[[0, 1], [2, 3], [4]]],
    [[[0], [1], [2], [3], [4], [5], [6], [7]]],
    [[[0, 1, 2, 3, 4], [5], [6, 7]]],
    [
      [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8, 9],
      ],
    ],
    [Array.from({ length: 10 }, (_, node) => [node])],
  ])("sets more than two parts apart, none over another: %j", (parts) => {
    const n = parts.flat().length;
    const found = placeCausal(
      n,
      parts.map((nodes) => ({ nodes })),
      440,
      268,
    );
    expect(found.places.length).toBe(n);
    parts.forEach((nodes, part) => nodes.forEach((node) => expect(found.places[node]?.part).toBe(part)));
    for (const [at, one] of found.parts.entries()) {
      expect(one.x - one.radius).toBeGreaterThanOrEqual(0);
      expect(one.x + one.radius).toBeLessThanOrEqual(found.width);
      expect(one.y + one.radius).toBeLessThan(found.height);
      for (const other of found.parts.slice(0, at))
        expect(Math.hypot(one.x - other.x, one.y - other.y)).toBeGreaterThan(one.radius + other.radius);
    }
  });
  it("bends the two directions of a pair apart", () => {
    const [a, b] = [
      { x: 0, y: 0, part: null },
      { x: 100, y: 0, part: null },
    ];
    expect(arrowPath(a, b)).toMatch(/Q50 -/);
    expect(arrowPath(b, a)).toMatch(/Q50 \d/);
    expect(loopPath(a, { x: 0, y: 50 })).toMatch(/^M/);
  });
});

describe("an arrow between units", () => {
  const partitions = [
    [[0], [1, 2, 3]],
    [
      [0, 1],
      [2, 3],
    ],
    [[2], [0, 1, 3]],
    [
      [0, 1, 2],
      [3, 4],
    ],
    [[0], [1, 2, 3, 4, 5]],
  ];
  const drawn = partitions.flatMap((parts) => {
    const layout = placeCausal(
      parts.flat().length,
      parts.map((nodes) => ({ nodes })),
      440,
      232,
    );
    const pairs = layout.places.flatMap((from, i) => layout.places.flatMap((to, j) => (i === j ? [] : [{ from, to, i, j }])));
    return pairs.map((pair) => ({ ...pair, layout, others: layout.places.filter((_, at) => at !== pair.i && at !== pair.j) }));
  });
  const between = drawn.filter(({ from, to }) => from.part !== to.part);
  const far = (a: { x: number; y: number }, b: { x: number; y: number }) => Math.hypot(a.x - b.x, a.y - b.y);
  it("leads from part to part through no other unit", () => {
    for (const { from, to, others } of between) {
      const [x0, y0, x1, y1, x2, y2] = [...arrowPath(from, to, others).matchAll(/-?[\d.]+/g)].map(Number) as number[];
      for (let along = 0; along <= 1; along += 0.02) {
        const mix = (a = 0, b = 0, c = 0) => (1 - along) ** 2 * a + 2 * along * (1 - along) * b + along ** 2 * c;
        for (const other of others) expect(far({ x: mix(x0, x1, x2), y: mix(y0, y1, y2) }, other)).toBeGreaterThan(NODE);
      }
    }
  });
  it("has the mark that it is severed between the parts, in neither, and on no other mark", () => {
    for (const { from, to, others, layout, i, j } of between) {
      const before = between.filter((one) => one.layout === layout && one.from.part === from.part && (one.i - i || one.j - j) < 0);
      const marks: { x: number; y: number }[] = [];
      for (const one of before) marks.push(severedPlace(one.from, one.to, one.others, layout.parts, marks));
      const mark = severedPlace(from, to, others, layout.parts, marks);
      for (const { x, y, radius } of layout.parts) expect(far(mark, { x, y })).toBeGreaterThan(radius);
      for (const other of marks) expect(far(mark, other)).toBeGreaterThan(11.9);
    }
  });
});

describe("the heatmap", () => {
  it.each([
    [4, 2],
    [16, 4],
    [64, 6],
    [64, 64],
    [256, 8],
    [256, 256],
  ])("of %i x %i fits its room and finds its cells", (rows, columns) => {
    const layout = placeHeatmap(rows, columns, Math.log2(rows), { width: 380, height: 420 });
    expect(layout.width).toBeLessThanOrEqual(460);
    expect(layout.height).toBeLessThanOrEqual(440);
    const x = layout.left + (columns - 0.5) * layout.cellWidth;
    const y = layout.top + 0.5 * layout.cellHeight;
    expect(cellAt(layout, rows, columns, x, y)).toEqual({ row: 0, column: columns - 1 });
    expect(cellAt(layout, rows, columns, layout.left - 2, y)).toBeNull();
    expect(layout.rowStep * layout.cellHeight).toBeGreaterThanOrEqual(11);
  });
});

describe("Φ against transitions", () => {
  const point = (transitions: number, mean: number) => ({ transitions, mean, low: mean - 0.1, high: mean + 0.1, subsamples: 3 });
  it("has linear axes from 0, points in order, all inside", () => {
    const { points, left, right, top, bottom } = placeRecordCurve([point(800, 0.2), point(100, 0.8), point(400, 0.5)], 400, 120);
    expect(points.map(({ of }) => of.transitions)).toEqual([100, 400, 800]);
    const [a, b, c] = points as [(typeof points)[0], (typeof points)[0], (typeof points)[0]];
    expect((b.x - left) / (a.x - left)).toBeCloseTo(4);
    expect(c.x).toBeCloseTo(right);
    expect((bottom - a.y) / (bottom - c.y)).toBeCloseTo(4);
    for (const { low, high } of points) {
      expect(high).toBeGreaterThanOrEqual(top);
      expect(low).toBeLessThanOrEqual(bottom);
      expect(low).toBeGreaterThan(high);
    }
  });
});
