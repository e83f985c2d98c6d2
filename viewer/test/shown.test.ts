import { describe, expect, it } from "vitest";
import type { EpochRecord, NetworkSnapshot } from "../src/data/types";
import { hasOthers, placeOfShown, shownWords, withUnits } from "../src/parts/shownLayer";
import { index, row } from "./rows";

const network = (...layers: { name: string; aliases?: string[]; analysed?: number[] }[]) =>
  ({ layers: layers.map((layer) => ({ aliases: [], analysed: [], ...layer })) }) as unknown as NetworkSnapshot;

describe("the shown layer in the picture of the network", () => {
  it("is said to be elsewhere where its name is not drawn", () => {
    const drawn = network(
      { name: "input" },
      { name: "net.0", aliases: ["net.1"], analysed: [3] },
      { name: "net.3", analysed: [1] },
    );
    const known = index([row("net.1", 0), row("net.3", 0), row("net.9", 0)]);
    expect(shownWords(drawn, known, "net.1")).toBe("net.1 has no weights: its units are drawn at net.0.");
    expect(shownWords(drawn, known, "net.3")).toBe("");
    expect(shownWords(drawn, known, "net.9")).toBe("net.9, the shown layer, is not in this snapshot of the network.");
    expect(shownWords(drawn, index([]), "net.9")).toBe("");
    expect(shownWords(drawn, known, null)).toBe("");
  });
  it("is drawn at the part of it whose output is its own", () => {
    const drawn = network({ name: "h.5.mlp.c_proj", aliases: ["h.5.mlp"], analysed: [3] });
    expect(shownWords(drawn, index([row("h.5.mlp", 0)]), "h.5.mlp")).toBe(
      "The units of h.5.mlp are drawn at h.5.mlp.c_proj, whose output is its own.",
    );
  });
  it("is told from other layers with analysed units", () => {
    const drawn = network({ name: "a", analysed: [1] }, { name: "b", aliases: ["act"], analysed: [2] }, { name: "c" });
    const known = index([row("a", 0), row("act", 0)]);
    expect(["a", "act", "x"].map((shown) => placeOfShown(drawn, known, shown))).toEqual([0, 1, -1]);
    expect(["a", "act", "x"].map((shown) => hasOthers(drawn, known, shown))).toEqual([true, true, true]);
    expect(hasOthers(network({ name: "a", analysed: [1] }, { name: "c" }), known, "a")).toBe(false);
  });
  it("has the units of its record, whatever the snapshot says", () => {
    const drawn = network({ name: "a", analysed: [] }, { name: "b", aliases: ["act"], analysed: [2] });
    const known = index([row("a", 0), row("act", 0)]);
    const analysed = (record: unknown) =>
      withUnits(drawn, known, record as EpochRecord | null).layers.map((layer) => layer.analysed);
    expect(analysed({ layer: "a", units: { indices: [4, 4, 1] } })).toEqual([[4, 1], [2]]);
    expect(analysed({ layer: "act", units: { indices: [5] } })).toEqual([[], [5]]);
    expect([analysed({ layer: "a", units: null }), analysed({ layer: "x", units: { indices: [1] } }), analysed(null)]).toEqual(
      Array(3).fill([[], [2]]),
    );
  });
});
