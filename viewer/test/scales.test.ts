import { describe, expect, it } from "vitest";
import type { NetworkLayer } from "../src/data/types";
import { CARDS } from "../src/panels";
import { activityAt, activityRange } from "../src/scales/activity";
import { bitLabel, bitsOf, codeOf, elementLabel, lettersOf, unitLetter } from "../src/scales/bits";
import { CATEGORIES, channels, hexOf, METRICS, NEGATIVE, POSITIVE, sequential } from "../src/scales/color";
import { SIDES } from "../src/scales/comparison";
import { curves, epochAtStep, epochsOf, layersOf } from "../src/scales/curve";
import { number, phiText } from "../src/scales/format";
import { influences, stateByState } from "../src/scales/influence";
import { arrowWords, kindCaption, ofKind, systemName } from "../src/scales/kind";
import { lineWidth, THINNEST } from "../src/scales/weight";
import { index, row } from "./rows";

describe("states as bits", () => {
  it("names elements as the records do", () => {
    const units = { bits: 1, clusters: [] as number[][], indices: [12, 7], seed: null, selection: "given", width: 20 };
    expect([0, 1].map((at) => elementLabel(units, at))).toEqual(["12", "7"]);
    expect([0, 1].map((at) => elementLabel({ ...units, bits: 2, indices: [12, 12] }, at))).toEqual(["12a", "12b"]);
    expect([0, 1].map((at) => elementLabel({ ...units, clusters: [[12, 13, 14, 19], [7]] }, at))).toEqual(["12+3", "7"]);
  });

  it("are little-endian and show unit A first", () => {
    expect(bitsOf(6, 4)).toEqual([0, 1, 1, 0]);
    expect(bitLabel(1, 3)).toBe("100");
    for (let code = 0; code < 64; code++) expect(codeOf(bitsOf(code, 6))).toBe(code);
  });
  it("name units by letters", () => {
    expect([0, 25, 26, 27].map(unitLetter)).toEqual(["A", "Z", "AA", "AB"]);
    expect(lettersOf([0, 2])).toBe("A C");
  });
});

describe("colours", () => {
  it("are viridis from end to end, and grey for what is no number", () => {
    expect(sequential(0)).toBe("#440154");
    expect(sequential(1)).toBe("#fde725");
    expect(sequential(-3)).toBe(sequential(0));
    expect(sequential(Number.NaN)).toBe("#808080");
  });
  it("are taken apart into channels and put together again", () => {
    expect(channels("#ff8000")[1]).toBeCloseTo(128 / 255);
    expect(hexOf(...channels("#0b8f03"))).toBe("#0b8f03");
  });
});

/** How people without one kind of cone see linear RGB (Machado, Oliveira and Fernandes 2009, table 1, severity 1). */
const BLIND: Record<string, number[][]> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

describe.each(Object.entries(BLIND))("with %s", (_, matrix) => {
  const seen = (hex: string) => {
    const linear = channels(hex).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    const turned = matrix.map((row) => row.reduce((sum, weight, at) => sum + weight * (linear[at] as number), 0));
    return turned.map((part) => Math.min(1, Math.max(0, part)) ** (1 / 2.4));
  };
  const apart = (a: string, b: string) => Math.hypot(...seen(a).map((part, at) => part - (seen(b)[at] as number)));
  it("the signs of weights and the first layers' lines are told apart", () => {
    expect(apart("#ff0000", "#7d7d00")).toBeLessThan(apart(POSITIVE, NEGATIVE));
    expect(apart(POSITIVE, NEGATIVE)).toBeGreaterThan(0.4);
    for (const a of CATEGORIES.slice(0, 4))
      for (const b of CATEGORIES.slice(0, 4)) if (a !== b) expect(apart(a, b)).toBeGreaterThan(0.15);
  });
  it("activity grows lighter all the way", () => {
    const light = Array.from({ length: 17 }, (_, at) => seen(sequential(at / 16))).map(
      ([r, g, b]) => 0.3 * (r as number) + 0.59 * (g as number) + 0.11 * (b as number),
    );
    light.slice(1).forEach((value, at) => expect(value).toBeGreaterThan((light[at] as number) - 0.02));
    expect((light[16] as number) - (light[0] as number)).toBeGreaterThan(0.6);
  });
});

describe("weights", () => {
  it("are as thick as they are large", () => {
    expect(lineWidth(-0.8, 1) / lineWidth(0.4, 1)).toBeCloseTo(2);
    expect(lineWidth(0, 1)).toBe(THINNEST);
    expect(lineWidth(1, 0)).toBe(THINNEST);
  });
});

describe("activity", () => {
  const layer = {
    activity: [
      [0, 2],
      [4, 1],
    ],
    mean_activity: [2, 1.5],
    indices: [3, 9],
  } as unknown as NetworkLayer;
  it("is measured by the layer's own range and mixed between steps", () => {
    const range = activityRange(layer);
    expect(range).toEqual({ low: 0, high: 4 });
    expect(activityAt(layer, range, 0, 0)).toBe(0);
    expect(activityAt(layer, range, 0, 1)).toBe(1);
    expect(activityAt(layer, range, 0, 0.5)).toBe(0.5);
    expect(activityAt(layer, range, 1, 2)).toBe(0.5);
  });
  it("falls back to the mean where no sequence was recorded", () => {
    const bare = { ...layer, activity: [] } as NetworkLayer;
    expect(activityAt(bare, activityRange(bare), 0, 5)).toBe(1);
  });
});

describe("effective influence", () => {
  const rows = [...Array(8).keys()].map((code) => [(code >> 1) & 1, code & 1 ? 0.25 : 0.75, ((code >> 0) ^ (code >> 1)) & 1]);
  const all = rows.map(() => true);
  it("is 1 for a copy, negative for an inhibition, strong but even for an XOR", () => {
    const found = influences(rows, all);
    expect(found[1]?.[0]).toEqual({ mean: 1, strength: 1, pairs: 4 });
    expect(found[0]?.[1]?.mean).toBeCloseTo(-0.5);
    expect(found[0]?.[2]).toEqual({ mean: 0, strength: 1, pairs: 4 });
    expect(found[2]?.[0]?.strength).toBe(0);
  });
  it("leaves out pairs of which a row was never visited", () => {
    const visited = all.map((_, code) => code !== 1);
    expect(influences(rows, visited)[0]?.[1]?.pairs).toBe(3);
  });
  it("gives rows of chances that sum to 1", () => {
    for (const chances of stateByState(rows)) expect(chances.reduce((a, b) => a + b)).toBeCloseTo(1);
    expect(stateByState([[0.2], [0.9]])).toEqual([
      [0.8, 0.2],
      [expect.closeTo(0.1), 0.9],
    ]);
  });
});

describe("curves", () => {
  const shown = index(
    [row("b", 0), row("a10", 1), row("a2", 0), row("b", 1, { status: "timed_out", phi: null, reason: "too long" })],
    [2],
  );
  it("have gaps with reasons where there is no number", () => {
    const [first] = curves(shown, [0, 1]).slice(-1);
    expect(first?.layer).toBe("b");
    expect(first?.line).toEqual([0.1, null]);
    expect(first?.high).toEqual([0.2, null]);
    expect(first?.gaps).toEqual([{ epoch: 1, status: "timed_out", reason: "too long" }]);
  });
  it("mark numbers of which so few states were visited that they come from the prior too", () => {
    const rows = [
      row("a", 0, { coverage: 0.75 }),
      row("a", 1, { coverage: 0.5 }),
      row("a", 2, { coverage: 0.5, status: "failed" }),
    ];
    expect(curves(index(rows, []), [0, 1, 2])[0]?.sparse).toEqual([{ epoch: 1, phi: rows[1]?.phi, coverage: 0.5 }]);
  });
  it("are Φ of the layer with its interval where the run has surveys, and mark another state of the shown group", () => {
    const survey = (epoch: number, phi_layer: number, state: string, change = {}) =>
      row("a", epoch, { phi_layer, state, ...change });
    const rows = [
      survey(-1, 0.5, "01", { low: 0.4, high: 0.6 }),
      survey(0, 0.6, "01"),
      row("a", 1, { status: "failed", phi: null, reason: "broken" }),
      survey(2, 0.7, "11"),
      survey(3, 0.8, "11"),
    ];
    const [found] = curves(index(rows), [-1, 0, 1, 2, 3]);
    expect(found?.surveyed).toBe(true);
    expect(found?.line).toEqual([0.5, 0.6, null, 0.7, 0.8]);
    expect(found?.low).toEqual([0.4, null, null, null, null]);
    expect(found?.high).toEqual([0.6, null, null, null, null]);
    expect(found?.changes).toEqual([{ epoch: 2, phi: rows[3]?.phi, from: "01", to: "11" }]);
  });
  it("are whole where the layer has a Φ and only the shown group has none", () => {
    const rows = [row("a", 0, { phi_layer: 0.5 }), row("a", 1, { phi_layer: 0.6, phi: null, status: "failed", reason: "broken" })];
    const [found] = curves(index(rows), [0, 1]);
    expect([found?.line, found?.gaps, found?.phi]).toEqual([[0.5, 0.6], [], [0.1, null]]);
  });
  it("of a run without surveys mark no change of state", () => {
    const rows = [row("a", 0, { state: "01" }), row("a", 1, { state: "11" })];
    const [found] = curves(index(rows), [0, 1]);
    expect([found?.surveyed, found?.changes]).toEqual([false, []]);
  });
  it("break where a command changed which units are watched", () => {
    const rows = [0, 0, 1, 1, 2].map((selection, epoch) => row("a", epoch, { phi_layer: 0.5, selection }));
    const [found] = curves(index(rows), [0, 1, 2, 3, 4]);
    expect(found?.breaks).toEqual([2, 4]);
  });
  it("are in the order of names and epochs", () => {
    expect(layersOf(shown)).toEqual(["a2", "a10", "b"]);
    expect(epochsOf(shown, null)).toEqual([0, 1, 2]);
  });
  it("find the epoch of a step", () => {
    const at = epochAtStep([row("a", 0), row("a", 1), row("a", 2)]);
    expect(at(10)).toBe(0);
    expect(at(15)).toBeCloseTo(0.5);
    expect(at(30)).toBe(2);
    expect(epochAtStep([])(5)).toBeNull();
  });
});

describe("numbers", () => {
  it("are short, with a true minus, and never NaN", () => {
    expect(number(-0.12345678)).toBe("−0.1235");
    expect(number(Number.NaN)).toBe("–");
    expect(number(3e-9)).toBe("3.00e−9");
    expect(phiText(0.5)).toBe("0.5000");
    expect(phiText(null)).toBe("–");
  });
});

describe("a kind of number", () => {
  it("is said, and only units that were set are called a causal system", () => {
    expect(["causal", "observational", "statistical", undefined].map(systemName)).toEqual([
      "Causal system",
      "System read from activity (observational)",
      "System read from activity (statistical)",
      "System",
    ]);
    expect(kindCaption("statistical")).toBe("statistical: no connections among the units, 0 by structure");
    expect([kindCaption(undefined), ofKind(undefined), ofKind("causal")]).toEqual(["", "", " (causal)"]);
    expect([arrowWords("causal"), arrowWords("statistical").length]).toEqual([[], 1]);
    const statistical = CARDS.filter(({ id }) => id !== "compare").map(({ title }) => title("statistical"));
    expect(statistical.every((title) => /\(statistical\)$/.test(title) && !/caus/i.test(title))).toBe(true);
  });
});

describe("loss and accuracy", () => {
  it("have no colour of a run that is compared, nor of the first layers", () => {
    for (const color of METRICS) expect([SIDES.A, SIDES.B, ...CATEGORIES.slice(0, 3)]).not.toContain(color);
  });
});
