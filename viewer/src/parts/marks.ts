// What is marked in the chart of the curves beside its lines: the epoch that is shown, intervals, nulls, gaps.
import type uPlot from "uplot";
import { SIDES } from "../scales/comparison";
import { symbolOf } from "../scales/formalism";
import type { AppState } from "../state/app";
import type { Line } from "./curveLine";
import { before } from "./curveLine";

/** In so many epochs intervals and nulls have marks: more would be one over another; the band and the line of the nulls are there. */
const MOST_WHISKERS = 120;

export interface Inks {
  ink: string;
  accent: string;
  warn: string;
}

/** Above the values a chart with gaps has so many pixels for them: what has no Φ stands at no value, least of all at 0. */
export const GAP_STRIP = 26;

/** Draws what is below the lines: which epochs are shown. */
export function drawMarkers(plot: uPlot, state: AppState, { accent }: Inks): void {
  marker(plot, state.epoch, accent);
  if (state.b) marker(plot, state.against, SIDES.B);
}

/** Draws all other marks: what is drawn of the shown layer is larger. */
export function drawMarks(plot: uPlot, lines: Line[], state: AppState, { ink, warn }: Inks): void {
  breakMarks(plot, lines, state.layer, ink);
  const [from, to] = [plot.scales.x?.min ?? 0, plot.scales.x?.max ?? 0];
  whiskers(plot, intervalsIn(lines, state.layer, from, to));
  if (to - from <= MOST_WHISKERS) nullMarks(plot, lines, state, ink);
  gapMarks(plot, lines, state, warn, ink);
  sparseMarks(plot, lines, state, warn);
  changeMarks(plot, lines, state, ink);
}

/** Whether a single Φ is drawn beside the mean that the line is: that of the shown group, or of the first state. */
export const isBeside = ({ curve }: Line, { layer, group }: AppState): boolean =>
  curve.layer === layer && (curve.surveyed ? group : curve.averaged);

/** Whether the upper end of the null is drawn: where the single Φ is drawn that it is of. */
export const hasNull = (line: Line, state: AppState): boolean =>
  line.curve.layer === state.layer && (!line.curve.surveyed || state.group) && line.curve.nullUpper.some((value) => value !== null);

function marker(plot: uPlot, epoch: number | null, ink: string): void {
  if (epoch === null) return;
  const x = Math.round(plot.valToPos(epoch, "x", true));
  const { ctx: context } = plot;
  context.save();
  context.globalCompositeOperation = "destination-over"; // the only value of a run would be hidden by the mark of its epoch
  context.setLineDash([]);
  context.strokeStyle = ink;
  context.lineWidth = 1.5 * devicePixelRatio;
  context.beginPath();
  context.moveTo(x, plot.bbox.top);
  context.lineTo(x, plot.bbox.top + plot.bbox.height);
  context.stroke();
  context.restore();
}

/** A dotted line where a command changed which units of the shown layer are watched. */
function breakMarks(plot: uPlot, lines: Line[], layer: string | null, ink: string): void {
  const { ctx: context } = plot;
  context.save();
  context.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
  context.strokeStyle = ink;
  context.lineWidth = 1.2 * devicePixelRatio;
  for (const epoch of lines.filter(({ curve }) => curve.layer === layer).flatMap(({ curve }) => curve.breaks)) {
    const x = Math.round(plot.valToPos(before(epoch), "x", true));
    context.beginPath();
    context.moveTo(x, plot.bbox.top);
    context.lineTo(x, plot.bbox.top + plot.bbox.height);
    context.stroke();
  }
  context.restore();
}

/** The intervals that are drawn in these epochs, also where those beside one have none and there is no band. */
export function intervalsIn(lines: Line[], layer: string | null, from: number, to: number): Interval[] {
  if (to - from > MOST_WHISKERS) return [];
  return lines
    .filter(({ curve }) => curve.surveyed && curve.layer === layer)
    .flatMap(({ curve, color }) =>
      curve.epochs.flatMap((epoch, at) => {
        const [low, high] = [curve.low[at] ?? null, curve.high[at] ?? null];
        return low === null || high === null || epoch < from || epoch > to ? [] : [{ epoch, low, high, color }];
      }),
    );
}

interface Interval {
  epoch: number;
  low: number;
  high: number;
  color: string;
}

function whiskers(plot: uPlot, found: Interval[]): void {
  const { ctx: context } = plot;
  context.save();
  context.setLineDash([]);
  context.lineWidth = 1.6 * devicePixelRatio;
  for (const { epoch, low, high, color } of found) {
    context.strokeStyle = color;
    const [x, from, to] = [plot.valToPos(epoch, "x", true), plot.valToPos(low, "y", true), plot.valToPos(high, "y", true)];
    const half = 4 * devicePixelRatio;
    context.beginPath();
    context.moveTo(x, from);
    context.lineTo(x, to);
    for (const end of [from, to]) {
      context.moveTo(x - half, end);
      context.lineTo(x + half, end);
    }
    context.stroke();
  }
  context.restore();
}

/** A dash at the upper end of each null, as there are nulls of single epochs. */
function nullMarks(plot: uPlot, lines: Line[], state: AppState, ink: string): void {
  const { ctx: context } = plot;
  const half = 5 * devicePixelRatio;
  context.save();
  context.setLineDash([]);
  context.lineWidth = 1.6 * devicePixelRatio;
  context.strokeStyle = ink;
  for (const { curve } of lines.filter((line) => hasNull(line, state))) {
    curve.epochs.forEach((epoch, at) => {
      const value = curve.nullUpper[at] ?? null;
      if (value === null) return;
      const [x, y] = [plot.valToPos(epoch, "x", true), plot.valToPos(value, "y", true)];
      context.beginPath();
      context.moveTo(x - half, y);
      context.lineTo(x + half, y);
      context.stroke();
    });
  }
  context.restore();
}

/** On a strip above the values a cross where there is no Φ, a dot where it is waited for: larger for the layer that is shown. */
function gapMarks(plot: uPlot, lines: Line[], { layer, formalism }: AppState, warn: string, ink: string): void {
  const gaps = lines.flatMap(({ curve }) => curve.gaps);
  if (!gaps.length) return;
  const { ctx: context, bbox } = plot;
  const y = bbox.top - 15 * devicePixelRatio;
  context.save();
  context.setLineDash([]);
  context.lineWidth = 2 * devicePixelRatio;
  context.fillStyle = ink;
  context.globalAlpha = 0.12;
  context.fillRect(bbox.left, y - 8 * devicePixelRatio, bbox.width, 16 * devicePixelRatio);
  context.globalAlpha = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const isWaiting = gaps.every(({ status }) => status === "open");
  context.fillText(isWaiting ? "waiting" : `no ${symbolOf(formalism)}`, bbox.left - 6 * devicePixelRatio, y);
  for (const { curve } of lines) {
    const current = curve.layer === layer;
    const arm = (current ? 4 : 2.5) * devicePixelRatio;
    context.globalAlpha = current ? 1 : 0.45;
    for (const gap of curve.gaps) {
      const x = plot.valToPos(gap.epoch, "x", true);
      context.strokeStyle = warn;
      context.beginPath();
      if (gap.status === "open") {
        context.arc(x, y, arm, 0, 2 * Math.PI);
        context.fill();
        continue;
      }
      context.moveTo(x - arm, y - arm);
      context.lineTo(x + arm, y + arm);
      context.moveTo(x + arm, y - arm);
      context.lineTo(x - arm, y + arm);
      context.stroke();
    }
  }
  context.restore();
}

/** A ring around each Φ of a group that comes from the prior too, as so few states were visited. */
function sparseMarks(plot: uPlot, lines: Line[], state: AppState, ink: string): void {
  const { ctx: context } = plot;
  context.save();
  context.setLineDash([]);
  context.lineWidth = 2 * devicePixelRatio;
  context.strokeStyle = ink;
  for (const line of lines) {
    if ((line.curve.surveyed || line.curve.averaged) && !isBeside(line, state)) continue;
    context.globalAlpha = line.curve.layer === state.layer ? 1 : 0.45;
    for (const { epoch, phi } of line.curve.sparse) {
      context.beginPath();
      context.arc(plot.valToPos(epoch, "x", true), plot.valToPos(phi, "y", true), 6 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  context.restore();
}

/** A square on the line of the shown group where its Φ is of another state than before. */
function changeMarks(plot: uPlot, lines: Line[], state: AppState, ink: string): void {
  const { ctx: context } = plot;
  const half = 3 * devicePixelRatio;
  context.save();
  context.fillStyle = ink;
  for (const { epoch, phi } of lines.filter((line) => isBeside(line, state)).flatMap((line) => line.curve.changes)) {
    context.fillRect(plot.valToPos(epoch, "x", true) - half, plot.valToPos(phi, "y", true) - half, 2 * half, 2 * half);
  }
  context.restore();
}
