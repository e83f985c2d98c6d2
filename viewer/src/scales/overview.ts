// The curves of all layers for the overview: numbers of one kind stand together, with one axis.
import type { RunIndex } from "../data/types";
import type { Curve } from "./curve";
import { curves, epochsOf, subjectOf } from "./curve";
import { FIRST, isIIT4, symbolOf } from "./formalism";

export interface OverviewGroup {
  /** What these numbers are. */
  words: string;
  /** Whether they are shares, and no Φ. */
  shares: boolean;
  /** The end of their common axis. */
  most: number;
  curves: Curve[];
}

/** The layers whose name holds the text, those of one kind of number together. */
export function overviewOf(index: RunIndex, text: string, formalism: string = FIRST): OverviewGroup[] {
  const symbol = symbolOf(formalism);
  // Of layers the share says more than the mean of φ_s, which is nearly 0.
  const shares = isIIT4(formalism) && index.rows.some((row) => row.share !== null);
  const kinds = new Map(index.rows.map((row) => [row.layer, row.kind]));
  const groups = new Map<string, Curve[]>();
  for (const curve of curves(index, epochsOf(index), shares ? "share" : "phi")) {
    const what = shares ? "Share of the visits with φ_s > 0" : subjectOf(curve, symbol);
    const words = `${what}, ${kinds.get(curve.layer) || "kind not known"}`;
    groups.set(words, [...(groups.get(words) ?? []), curve]);
  }
  const wanted = text.trim().toLowerCase();
  return [...groups]
    .map(([words, all]) => ({
      words,
      shares,
      most: Math.max(shares ? 0.01 : 1e-6, ...all.flatMap(({ line }) => line.map((value) => value ?? 0))),
      curves: all.filter(({ layer }) => layer.toLowerCase().includes(wanted)),
    }))
    .filter((group) => group.curves.length > 0);
}

/** A curve as a path with gaps, and dots where a Φ has no neighbour. */
export function sparkline({ epochs, line }: Curve, most: number, { width, height }: { width: number; height: number }) {
  const [first, last] = [epochs[0] ?? 0, epochs[epochs.length - 1] ?? 0];
  const place = (at: number, value: number): [number, number] => [
    last > first ? 3 + ((width - 6) * ((epochs[at] ?? 0) - first)) / (last - first) : width / 2,
    height - 3 - ((height - 6) * value) / most,
  ];
  const dots: [number, number][] = [];
  const path = line.flatMap((value, at) => {
    if (value === null) return [];
    const [x, y] = place(at, value);
    const [before, after] = [line[at - 1] ?? null, line[at + 1] ?? null];
    if (before === null && after === null) dots.push([x, y]);
    return [`${before === null ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`];
  });
  return { path: path.join(""), dots };
}
