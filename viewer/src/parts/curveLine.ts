// A line of the chart of the curves: whose it is, its name, and where it parts.
import type { Curve } from "../scales/curve";

export interface Line {
  run: "A" | "B" | "all";
  curve: Curve;
  color: string;
}

export const nameOfLine = ({ run, curve }: Pick<Line, "run" | "curve">, two: boolean): string =>
  run === "all"
    ? `${curve.layer}, mean and range of ${Math.max(...(curve.runs ?? []))} runs`
    : two
      ? `${run} · ${curve.layer}`
      : curve.layer;

/** Where the lines of other units part: between an epoch and the one before. */
export const before = (epoch: number): number => epoch - 0.5;
