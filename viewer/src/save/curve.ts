// Φ over epochs as a picture in the style of a paper.
import { s } from "../dom";
import type { Curve } from "../scales/curve";
import { bandStretches, epochTicks } from "../scales/curve";
import { number } from "../scales/format";
import { even } from "../scales/ticks";
import { line, sheet, text, upright } from "./paper";

export interface CurveLine {
  name: string;
  curve: Pick<Curve, "epochs" | "line" | "low" | "high" | "breaks" | "gaps">;
  color: string;
  dashed: boolean;
  /** Whether it has its band. */
  banded: boolean;
}

const [WIDTH, HEIGHT] = [340, 220];
const EDGE = { left: 52, right: 10, bottom: 34 };
/** Above the values: what has no Φ stands on a strip of its own, at no value. */
const [TOP, STRIP] = [10, 18];

type Place = (value: number) => number;

/** The lines with their bands, an axis of epochs, one of Φ from 0, the epochs without Φ (`none`) above, and the names of the lines below. */
export function curveFigure(title: string, unit: string, lines: readonly CurveLine[], isLog = false, none = "no Φ"): SVGSVGElement {
  const gaps = [...new Set(lines.flatMap(({ curve }) => curve.gaps.map(({ epoch }) => epoch)))];
  const upper = TOP + (gaps.length ? STRIP : 0);
  const epochs = [...lines.flatMap(({ curve }) => curve.epochs), ...gaps];
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const values = lines
    .flatMap(({ curve, banded }) => [...curve.line, ...(banded ? [...curve.low, ...curve.high] : [])])
    .filter((value) => value !== null)
    .filter((value) => !isLog || value > 0);
  const [low, high] = [isLog ? Math.min(...values) : Math.min(0, ...values), Math.max(1e-6, ...values)];
  const ticks = isLog ? decades(low, high) : even(low, high * 1.04);
  const [bottom, top] = [Math.min(low, ticks[0] ?? low), Math.max(high, isLog ? high * 1.1 : high * 1.04)];
  const scale = (value: number) => (isLog ? Math.log10(value) : value);
  const right = WIDTH - EDGE.right;
  const floor = HEIGHT - EDGE.bottom;
  const x: Place = (epoch) => EDGE.left + ((epoch - first) / Math.max(1, last - first)) * (right - EDGE.left);
  const y: Place = (value) => floor - ((scale(value) - scale(bottom)) / (scale(top) - scale(bottom))) * (floor - upper);
  const below = HEIGHT + 12 * Math.ceil(lines.length / 2);
  return sheet(
    WIDTH,
    below,
    title,
    ...lines.filter(({ banded }) => banded).flatMap((one) => [band(one, x, y, isLog), whiskers(one, x, y, isLog)]),
    line(`M${EDGE.left} ${upper} V${floor} H${right}`),
    ...(gaps.length ? [text(EDGE.left - 5, TOP + 6, none, "end")] : []),
    ...gaps.map((epoch) => line(`M${x(epoch) - 3} ${TOP} l6 6 m0 -6 l-6 6`)),
    ...epochTicks(first, last, right - EDGE.left, 5).flatMap((tick) => [
      line(`M${x(tick)} ${floor} v3`),
      text(x(tick), floor + 12, tick < 0 ? "untrained" : String(tick), tick < 0 ? "start" : "middle"),
    ]),
    ...ticks.flatMap((tick) => [line(`M${EDGE.left} ${y(tick)} h-3`), text(EDGE.left - 5, y(tick) + 3, number(tick, 3), "end")]),
    text((EDGE.left + right) / 2, floor + 26, "Epoch", "middle"),
    upright(11, (upper + floor) / 2, unit),
    ...lines.flatMap((one) => drawn(one, x, y, isLog)),
    ...lines.flatMap((one, at) => named(one, EDGE.left + (at % 2) * 140, HEIGHT + 12 * Math.floor(at / 2))),
  );
}

function drawn({ curve, color, dashed }: CurveLine, x: Place, y: Place, isLog: boolean): SVGElement[] {
  const points = curve.line.flatMap((value, at): [number, number, number][] =>
    value === null || (isLog && value <= 0) ? [] : [[at, x(curve.epochs[at] as number), y(value)]],
  );
  // A gap is an epoch without a number: the line does not go over it, nor from the epochs of some units to those of others.
  const joins = (at: number, index: number) =>
    points[index - 1]?.[0] === at - 1 && !curve.breaks.includes(curve.epochs[at] as number);
  const d = points.map(([at, px, py], index) => `${joins(at, index) ? "L" : "M"}${fixed(px)} ${fixed(py)}`).join(" ");
  const dots =
    points.length <= 40 ? points.map(([, cx, cy]) => s("circle", { cx: fixed(cx), cy: fixed(cy), r: 1.8, fill: color })) : [];
  return [line(d, { stroke: color, "stroke-width": 1.3, "stroke-dasharray": dashed ? "5 3" : undefined }), ...dots];
}

function band({ curve, color }: CurveLine, x: Place, y: Place, isLog: boolean): SVGElement {
  const parts = bandStretches(curve).map((stretch) => {
    const known = stretch.flatMap((at): [number, number, number][] => {
      const [epoch, low, high] = [curve.epochs[at], curve.low[at], curve.high[at]] as [number, number, number];
      return isLog && low <= 0 ? [] : [[x(epoch), y(low), y(high)]];
    });
    const there = known.map(([px, , high]) => `${fixed(px)} ${fixed(high)}`);
    const back = [...known].reverse().map(([px, low]) => `${fixed(px)} ${fixed(low)}`);
    return known.length ? `M${[...there, ...back].join(" L")} Z` : "";
  });
  return s("path", { d: parts.filter(Boolean).join(" "), fill: color, "fill-opacity": 0.25 });
}

/** The interval of each Φ that has one beside which there is no other. */
function whiskers({ curve, color }: CurveLine, x: Place, y: Place, isLog: boolean): SVGElement {
  const banded = new Set(bandStretches(curve).flat());
  const d = curve.epochs.flatMap((epoch, at) => {
    const [low, high] = [curve.low[at] ?? null, curve.high[at] ?? null];
    if (banded.has(at) || low === null || high === null || low === high || (isLog && low <= 0)) return [];
    const [px, from, to] = [x(epoch), y(low), y(high)].map(fixed) as [number, number, number];
    return [`M${px - 3} ${from} h6 M${px} ${from} V${to} M${px - 3} ${to} h6`];
  });
  return line(d.join(" "), { stroke: color, "stroke-width": 1 });
}

function named({ name, color, dashed }: CurveLine, x: number, y: number): SVGElement[] {
  const stroke = line(`M${x} ${y} h16`, { stroke: color, "stroke-width": 1.3, "stroke-dasharray": dashed ? "5 3" : undefined });
  return [stroke, text(x + 20, y + 3, name)];
}

const fixed = (value: number): number => Number(value.toFixed(2));

function decades(low: number, high: number): number[] {
  const from = Math.floor(Math.log10(low));
  return Array.from({ length: Math.floor(Math.log10(high)) - from + 1 }, (_, at) => 10 ** (from + at));
}
