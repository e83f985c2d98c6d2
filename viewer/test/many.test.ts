import { describe, expect, it } from "vitest";
import type { NetworkLayer } from "../src/data/types";
import type { Box } from "../src/layout/labels";
import { placeNames, placesAround, placesBelow, Taken, takeLineBelow, takePlace } from "../src/layout/labels";
import { isAside, leaderTo, outside } from "../src/layout/leaders";
import { placeNetwork } from "../src/layout/network";
import { curves, epochTicks, hasBand, intervalsOf, plotted, stateWords } from "../src/scales/curve";
import { shortName, shortNames } from "../src/scales/names";
import { overviewOf, sparkline } from "../src/scales/overview";
import { index, row } from "./rows";

const apart = (a: Box, b: Box) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;

describe("many layers", () => {
  const rows = Array.from({ length: 59 }, (_, at) => row(`layer.${at}`, 0, { mean: at / 100, phi: at / 100, maximum: at / 100 }));
  const all = curves(index(rows), [0]);
  it("plot eight curves, that of the shown layer always", () => {
    for (const layer of ["layer.0", "layer.7", "layer.8", "layer.58"]) {
      const names = plotted(all, layer).map((curve) => curve.layer);
      expect([names.length, new Set(names).size, names.includes(layer)]).toEqual([8, 8, true]);
    }
    expect(plotted(all, null).length).toBe(8);
    expect(plotted(all.slice(0, 3), "layer.1").length).toBe(3);
  });
  it("have names that are shortened in the middle and stay different", () => {
    const names = Array.from({ length: 59 }, (_, at) => `net.backbone_of_many_hidden_layers.${at}.1`);
    const short = names.map((name) => shortName(name, 17));
    expect(new Set(short).size).toBe(59);
    expect(short.every((name) => name.length <= 17 && name.startsWith("net.") && name.includes("…"))).toBe(true);
    expect(shortName("hidden", 6)).toBe("hidden");
    const alike = [
      ...Array.from({ length: 12 }, (_, at) => `encoder.layers.${at}.self_attention.out_proj`),
      ...Array.from({ length: 12 }, (_, at) => `decoder.layers.${at}.self_attention.out_proj`),
      "head",
    ];
    for (const most of [16, 17, 22, 26]) {
      const forms = alike.map(shortNames(alike, most));
      expect(new Set(forms).size).toBe(25);
      expect(Math.max(...forms.map(({ length }) => length))).toBeLessThanOrEqual(most);
    }
    expect(shortNames(alike, 17)("encoder.layers.11.self_attention.out_proj")).toBe("encoder…11…t_proj");
  });
  it("have short names in which no dot stands beside the ellipsis", () => {
    const names = [
      ...Array.from({ length: 12 }, (_, at) => `net.encoder.layers.${at}.linear1`),
      ...Array.from({ length: 12 }, (_, at) => `net.encoder.layers.${at}.self_attn.out_proj`),
      "net.transformer.h.5.mlp",
      "net.transformer.h.5.mlp.c_proj",
      "a..b.very.long.name..of.many.parts",
    ];
    for (let most = 8; most <= 30; most++)
      for (const form of [...names.map(shortNames(names, most)), ...names.map((name) => shortName(name, most))]) {
        expect(form, `in ${most} letters`).not.toMatch(/\.…|…\./);
        expect(form.length).toBeLessThanOrEqual(most);
      }
  });
  it("have labels that lie neither over one another nor over a unit", () => {
    const unit = (x: number, y: number): Box => ({ left: x - 6, top: y - 6, right: x + 6, bottom: y + 6 });
    const boxes = Array.from({ length: 60 }, (_, at) => unit(8 * at, 90 + at + 5 * (at % 4)));
    const [words, units, room] = [new Taken(), new Taken(boxes), { width: 560, height: 400 }];
    const size = { width: 90, height: 32 };
    const found: (Box | null)[] = [];
    for (let at = 0; at < 60; at++) found.push(takePlace(placesBelow({ x: 8 * at, y: 100 + at }, size, room), size, words, units));
    const letter = { width: 18, height: 17 };
    const letters = boxes
      .slice(10, 18)
      .map(({ left, top }) => takePlace(placesAround({ x: left + 6, y: top + 6 }, letter, 7, 0.3), letter, words, units));
    expect(letters).not.toContain(null);
    const taken = [...found, ...letters].flatMap((box) => box ?? []);
    expect(taken.length).toBeGreaterThan(14);
    for (const [at, one] of taken.entries()) {
      expect(one.bottom).toBeLessThanOrEqual(400);
      for (const other of [...taken.slice(0, at), ...boxes]) expect(apart(one, other)).toBe(true);
    }
    for (const one of found.flatMap((box) => box ?? [])) {
      expect(one.left).toBeGreaterThanOrEqual(0);
      expect(one.right).toBeLessThanOrEqual(560);
    }
  });
  it("have lines that lead over no other name, each name in stairs where neighbours are close", () => {
    const [room, size] = [
      { width: 800, height: 300 },
      { width: 70, height: 17 },
    ];
    const wanted = Array.from({ length: 11 }, (_, at) => ({ point: { x: 100 + 42 * at, y: 60 + 4 * at }, size, must: true }));
    const { boxes, words, cost } = placeNames(wanted, room, new Taken(), new Taken());
    expect(cost).toBe(0);
    for (const [at, { point }] of wanted.entries()) {
      const own = boxes[at] as Box;
      const line = { left: point.x, right: point.x, top: point.y, bottom: own.top - 2 };
      for (const other of boxes) if (other !== own && line.bottom > line.top) expect(apart(line, other as Box)).toBe(true);
    }
    expect(words.isFree(boxes[0] as Box)).toBe(false);
  });
  it("have a place for the shown layer, which is the first, before others", () => {
    const size = { width: 90, height: 20 };
    const wanted = [110, 100, 160, 80].map((x) => ({ point: { x, y: 10 }, size, must: true }));
    const { boxes } = placeNames(wanted, { width: 260, height: 30 }, new Taken(), new Taken());
    expect(boxes.map((box) => box !== null)).toEqual([true, false, true, false]);
  });
  it("have their details where there is room below them", () => {
    const [label, line, room] = [
      { left: 50, right: 90, top: 10, bottom: 27 },
      { width: 60, height: 15 },
      { width: 200, height: 60 },
    ];
    const words = new Taken([label]);
    expect(takeLineBelow(label, line, room, words, new Taken())).toBe(true);
    expect(words.isFree({ left: 45, right: 95, top: 32, bottom: 36 })).toBe(false);
    expect(takeLineBelow(label, line, room, words, new Taken())).toBe(false);
    expect(takeLineBelow({ ...label, left: 0, right: 20 }, line, room, new Taken(), new Taken())).toBe(false);
    const unit = { left: 80, right: 84, top: 34, bottom: 38 };
    expect(takeLineBelow(label, line, room, new Taken([label]), new Taken([unit]))).toBe(false);
  });
  it("have letters beside their unit where there is room, on the outer side, and else a line that leads to it", () => {
    const [point, letter] = [
      { x: 100, y: 100 },
      { width: 18, height: 17 },
    ];
    const beside = takePlace(placesAround(point, letter, 10, 0), letter, new Taken()) as Box;
    expect([beside.left, (beside.top + beside.bottom) / 2]).toEqual([112, expect.closeTo(100)]);
    expect(leaderTo(point, beside, 10)).toBeNull();
    const crowd = { left: 70, top: 70, right: 130, bottom: 130 };
    const away = takePlace(placesAround(point, letter, 10, 0), letter, new Taken(), new Taken([crowd])) as Box;
    expect(apart(away, crowd)).toBe(true);
    const [from, to] = leaderTo(point, away, 10) as [typeof point, typeof point];
    expect(Math.hypot(from.x - 100, from.y - 100)).toBeCloseTo(10);
    expect([to.x, to.y]).toEqual([away.left, expect.closeTo(100)]);
  });
  it("that are moved aside have a line, for else one would not see whose they are", () => {
    const name = { left: 0, right: 100, top: 50, bottom: 67 };
    expect([50, 30, 80, 5].map((x) => isAside({ x, y: 50 }, name))).toEqual([false, false, true, true]);
  });
  it("have lines that go on behind the words that they cross", () => {
    const down = [
      { x: 10, y: 0 },
      { x: 10, y: 100 },
    ] as [{ x: number; y: number }, { x: number; y: number }];
    const words = [
      { left: 0, right: 30, top: 60, bottom: 75 },
      { left: 0, right: 30, top: 20, bottom: 40 },
      { left: 0, right: 30, top: 30, bottom: 45 },
      { left: 12, right: 30, top: 80, bottom: 90 },
    ];
    const ends = outside(down, words).map((piece) => piece.map(({ y }) => y));
    expect(ends.map(([from]) => from)).toEqual([0, 46, 76].map((y) => expect.closeTo(y)));
    expect(ends.map(([, to]) => to)).toEqual([19, 59, 100].map((y) => expect.closeTo(y)));
    expect(outside(down, [{ left: 0, right: 30, top: 90, bottom: 120 }])).toEqual([[down[0], { x: 10, y: expect.closeTo(89) }]]);
    expect(outside(down, [])).toEqual([down]);
  });
  it("make room in space for the layer in focus", () => {
    const layers = Array.from({ length: 40 }, (_, at) => ({
      name: `${at}`,
      kind: "linear",
      indices: [0, 1, 2],
      width: 3,
      heads: 0,
    }));
    const gaps = (focus: number | null, many = 40) => {
      const placed = placeNetwork({ layers: layers.slice(0, many) as NetworkLayer[] }, focus);
      return placed.slice(1).map(({ x }, at) => x - (placed[at]?.x ?? 0));
    };
    const near = gaps(20);
    expect(Math.min(near[19] as number, near[20] as number)).toBeGreaterThan(3 * (near[2] as number));
    expect(near[20]).toBeCloseTo(gaps(null)[20] as number);
    expect(gaps(3, 12)).toEqual(gaps(null, 12));
  });
  it("stand in the overview by kinds, each with its own axis, and are found by name", () => {
    const both = index([...rows, row("gru", 0, { kind: "observational", phi: 4, mean: 4, maximum: 4 })]);
    const groups = overviewOf(both, "");
    expect(groups.map(({ words, most, curves: found }) => [words, most, found.length])).toEqual([
      ["Φ, observational", 4, 1],
      ["Φ, causal", 0.58, 59],
    ]);
    expect(overviewOf(both, " LAYER.5").flatMap((group) => group.curves.map(({ layer }) => layer))).toEqual([
      "layer.5",
      ...Array.from({ length: 9 }, (_, at) => `layer.5${at}`),
    ]);
    expect(overviewOf(both, "layer.58")[0]?.most).toBe(0.58);
    const gap = curves(index([row("x", 0), row("x", 1), row("x", 2, { status: "failed" }), row("x", 3)]), [0, 1, 2, 3])[0];
    const { path, dots } = sparkline(gap as (typeof all)[number], 0.2, { width: 106, height: 26 });
    expect([path.match(/M/g)?.length, path.match(/L/g)?.length, dots]).toEqual([2, 1, [[103, 13]]]);
  });
});

describe("the axis of epochs", () => {
  it("has round epochs, and the untrained network once", () => {
    expect(epochTicks(-1, -1, 700)).toEqual([-1]);
    expect(epochTicks(0, 0, 700)).toEqual([0]);
    expect(epochTicks(-1, 2, 700)).toEqual([-1, 0, 1, 2]);
    expect(epochTicks(-1, 999, 700)).toEqual([-1, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(epochTicks(7, 31, 400)).toEqual([10, 15, 20, 25, 30]);
    expect(epochTicks(0, 7, 120)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(epochTicks(-1, 5, 150)).toEqual([-1, 1, 2, 3, 4, 5]); // the word beside it has no room for epoch 0
  });
  it("has 4 to 10 words that lie beside each other, in charts of every width and of every run", () => {
    for (const width of [180, 205, 240, 300, 420, 700, 1200, 2400])
      for (const first of [-1, 0, 17])
        for (const many of [...Array(60).keys(), 99, 100, 101, 999, 1000, 1234]) {
          const last = first + many;
          const ticks = epochTicks(first, last, width);
          expect(ticks.length, `${first} to ${last} in ${width}`).toBeGreaterThanOrEqual(Math.min(4, many + 1));
          expect(ticks.length).toBeLessThanOrEqual(10);
          const wide = (epoch: number) => 6 * (epoch < 0 ? "untrained" : String(epoch)).length;
          const at = (epoch: number) => (width * (epoch - first + 0.4)) / (last - first + 0.8);
          for (const [tick, next] of ticks.slice(1).map((next, before) => [ticks[before] as number, next] as const))
            expect(at(next) - at(tick)).toBeGreaterThanOrEqual((wide(tick) + wide(next)) / 2 + 4);
        }
  });
});

describe("what is said of a curve", () => {
  it("is in which state its single Φ is", () => {
    const of = (...states: string[]) => ({ epochs: states.map((_, epoch) => epoch), states });
    expect(stateWords(of("01", "01", ""), 0)).toBe("01");
    expect(stateWords(of("01", "", "11"), 2)).toBe("11 at epoch 2");
    expect(stateWords(of("01", "", "11"), 1)).toBe("a different one at each epoch");
    expect(stateWords(of("", ""), 1)).toBe("");
    expect(curves(index([row("x", 0, { state: "10" })]), [0, 1])[0]?.states).toEqual(["10", ""]);
  });
  it("is how many epochs have an interval, of those with Φ of the layer", () => {
    const rows = [{ phi_layer: 0.1, low: 0, high: 0.2 }, { phi_layer: 0.2 }, { status: "failed" as const, phi: null, mean: null }];
    const of = (all: object[]) => curves(index(all.map((one, at) => row("x", at, one))), [0, 1, 2]).map(intervalsOf);
    expect(of(rows)).toEqual([{ have: 1, of: 2 }]);
    expect(of([{}, {}, {}])).toEqual([{ have: 0, of: 3 }]);
  });
});

describe("the curve of a run without a survey", () => {
  it("is a mean only where there are several states, and has a band only where one is seen", () => {
    const of = (maximum: number, phi = 0.1) => {
      const rows = [0, 1].map((epoch) => row("x", epoch, { phi, mean: 0.1, maximum }));
      const [found] = curves(index(rows), [0, 1]);
      const [alone] = curves(index(rows.slice(0, 1)), [0]);
      return [found?.averaged, found && hasBand(found), alone && hasBand(alone)];
    };
    expect(of(0.1)).toEqual([false, false, false]);
    expect(of(0.3, 0.3)).toEqual([true, true, false]);
  });
});
