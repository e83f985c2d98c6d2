// Where the points of Φ against the number of transitions are: both axes are linear and begin at 0.
import type { EpochRecord } from "../data/types";

export type CurvePoint = EpochRecord["curve"][number];

export interface RecordCurve {
  points: { x: number; y: number; low: number; high: number; of: CurvePoint }[];
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** The ends of the axes. */
  transitions: number;
  phi: number;
}

const EDGE = { left: 46, right: 12, top: 10, bottom: 20 };

export function placeRecordCurve(curve: readonly CurvePoint[], width: number, height: number): RecordCurve {
  const transitions = Math.max(1, ...curve.map((point) => point.transitions));
  const phi = Math.max(1e-6, ...curve.map((point) => point.high)) * 1.08;
  const [right, bottom] = [width - EDGE.right, height - EDGE.bottom];
  const x = (value: number) => EDGE.left + ((right - EDGE.left) * value) / transitions;
  const y = (value: number) => bottom - ((bottom - EDGE.top) * value) / phi;
  const points = [...curve]
    .sort((a, b) => a.transitions - b.transitions)
    .map((of) => ({ x: x(of.transitions), y: y(of.mean), low: y(of.low), high: y(of.high), of }));
  return { points, left: EDGE.left, right, top: EDGE.top, bottom, transitions, phi };
}
