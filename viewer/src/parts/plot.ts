// The chart of the curves: lines, bands, gaps and the mark of the epoch that is shown.
import uPlot from "uplot";
import type { RunIndex, ScalarList } from "../data/types";
import type { Context } from "../panels/panel";
import { category } from "../scales/color";
import type { Curve } from "../scales/curve";
import { epochAtStep } from "../scales/curve";
import { epochName, number, phiText, statusWords } from "../scales/format";
import type { AppState } from "../state/app";
import { nearest } from "../state/app";

export interface Line {
  run: "A" | "B";
  curve: Curve;
  color: string;
}

export function makePlot(context: Context, chart: HTMLElement, epochs: number[], lines: Line[]): uPlot {
  const { store, controller, tip } = context;
  const style = getComputedStyle(chart);
  const ink = style.getPropertyValue("--muted");
  const grid = style.getPropertyValue("--line");
  const accent = style.getPropertyValue("--accent");
  const warn = style.getPropertyValue("--warn");
  const metrics = store.state.metrics ? metricsOf(store.state) : [];
  const xs = [...new Set([...epochs, ...metrics.flatMap((metric) => metric.points.map(([x]) => x))])].sort((a, b) => a - b);
  const at = new Map(xs.map((x, index) => [x, index]));
  const spread = (points: [number, number | null][]): (number | null | undefined)[] => {
    // null is a gap; undefined is a place where this series has nothing to say, and lines go on.
    const values: (number | null | undefined)[] = new Array(xs.length).fill(undefined);
    for (const [x, value] of points) values[at.get(x) as number] = value;
    return values;
  };
  const data: (number | null | undefined)[][] = [xs];
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const line of lines) {
    const { run, curve, color } = line;
    const current = curve.layer === store.state.layer;
    const dash = run === "B" ? [6, 4] : undefined;
    const points = (values: (number | null)[]): [number, number | null][] =>
      curve.epochs.map((epoch, index) => [epoch, values[index] ?? null]);
    const faint = current ? 1 : 0.5;
    const beside = isBeside(line, store.state);
    data.push(spread(points(curve.high)), spread(points(curve.line)), spread(points(curve.low)));
    data.push(spread(beside || !curve.surveyed ? points(curve.nullUpper) : []), spread(beside ? points(curve.phi) : []));
    const dots = { show: current && epochs.length <= 60, size: 5, fill: color, stroke: color };
    series.push(
      { stroke: alpha(color, 0.35 * faint), width: 1, dash, points: { show: false } },
      { stroke: alpha(color, faint), width: current ? 2.4 : 1.3, dash, points: dots },
      { stroke: alpha(color, curve.surveyed ? 0.35 * faint : 0), width: 1, dash, points: { show: false } },
      { stroke: alpha(ink, current ? 0.9 : 0), width: 1, dash: [2, 3], points: { show: false }, spanGaps: true },
      { stroke: alpha(ink, 0.9), width: 1, points: { show: false } },
    );
    const first = series.length - 5;
    if (current) bands.push({ series: [first, first + 2], fill: alpha(color, curve.surveyed ? 0.24 : 0.14) });
  }
  metrics.forEach((metric, index) => {
    data.push(spread(metric.points));
    series.push({
      scale: "metric",
      stroke: alpha(category(index + 3), 0.9),
      width: 1.4,
      dash: [1, 0],
      points: { show: false },
      spanGaps: true,
      label: metric.tag,
    });
  });
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  const plot = new uPlot(
    {
      width: chart.clientWidth,
      height: chart.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (_, low, high) => [low - 0.4, high + 0.4] },
        y: { range: (_, __, high) => [0, Math.max(0.01, (high || 0) * 1.12)] },
        metric: {},
      },
      axes: [
        {
          ...axis,
          size: 24,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
          values: (_, ticks) => ticks.map((tick) => (tick < 0 ? "untr." : String(tick))),
        },
        { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => number(tick, 3)) },
        ...(metrics.length
          ? [
              {
                ...axis,
                scale: "metric",
                side: 1 as const,
                size: 44,
                grid: { show: false },
                values: (_: uPlot, ticks: number[]) => ticks.map((tick) => number(tick, 3)),
              },
            ]
          : []),
      ],
      series,
      bands,
      hooks: {
        draw: [
          (drawn) => {
            marker(drawn, store.state.epoch, accent);
            whiskers(drawn, lines, store.state.layer);
            gapMarks(drawn, lines, store.state.layer, warn, ink);
            sparseMarks(drawn, lines, store.state, warn);
            changeMarks(drawn, lines, store.state, ink);
          },
        ],
      },
    },
    data as uPlot.AlignedData,
    chart,
  );
  const epochUnder = (event: MouseEvent): number | null => {
    const box = plot.over.getBoundingClientRect();
    return nearest(epochs, plot.posToVal(event.clientX - box.left, "x"));
  };
  plot.over.addEventListener("click", (event) => {
    const epoch = epochUnder(event);
    if (epoch !== null) controller.goTo(epoch);
  });
  plot.over.addEventListener("mousemove", (event) => {
    const epoch = epochUnder(event);
    if (epoch === null) return;
    tip.show(event.clientX, event.clientY, epochName(epoch), tipLines(lines, epoch, store.state));
  });
  plot.over.addEventListener("mouseleave", () => tip.hide());
  return plot;
}

function tipLines(lines: Line[], epoch: number, state: AppState): (string | [string, string])[] {
  return lines.flatMap((line): (string | [string, string])[] => {
    const name = state.b ? `${line.run} · ${line.curve.layer}` : line.curve.layer;
    const gap = line.curve.gaps.find((known) => known.epoch === epoch);
    if (gap) return [[name, statusWords[gap.status] ?? gap.status], gap.reason];
    const at = line.curve.epochs.indexOf(epoch);
    const { line: phis, low, high, phi, surveyed, changes, sparse } = line.curve;
    if (phis[at] === null || phis[at] === undefined) return [];
    const change = changes.find((known) => known.epoch === epoch);
    const coverage = sparse.find((known) => known.epoch === epoch)?.coverage;
    const covered = coverage === undefined ? [] : [`  low coverage: ${Math.round(coverage * 100)} % of the states were visited`];
    if (!surveyed) return [[name, phiText(phi[at])], ...covered, ["  mean, max", `${phiText(phis[at])}, ${phiText(high[at])}`]];
    return [
      [name, phiText(phis[at])],
      ["  90 % interval", low[at] === null ? "not computed" : `${phiText(low[at])} – ${phiText(high[at])}`],
      ["  shown group", phiText(phi[at])],
      ...(change ? [`  its state is another than before: ${change.to}, not ${change.from}`] : []),
      ...covered,
    ];
  });
}

/** Whether Φ of the shown group is drawn beside that of the layer. */
const isBeside = ({ curve }: Line, state: AppState): boolean => state.group && curve.surveyed && curve.layer === state.layer;

function marker(plot: uPlot, epoch: number | null, ink: string): void {
  if (epoch === null) return;
  const x = Math.round(plot.valToPos(epoch, "x", true));
  const { ctx: context } = plot;
  context.save();
  context.setLineDash([]);
  context.strokeStyle = ink;
  context.lineWidth = 1.5 * devicePixelRatio;
  context.beginPath();
  context.moveTo(x, plot.bbox.top);
  context.lineTo(x, plot.bbox.top + plot.bbox.height);
  context.stroke();
  context.restore();
}

/** The interval of each Φ that has one, also where those beside it have none and there is no band. */
function whiskers(plot: uPlot, lines: Line[], layer: string | null): void {
  const { ctx: context } = plot;
  context.save();
  context.setLineDash([]);
  context.lineWidth = 1.6 * devicePixelRatio;
  for (const { curve, color } of lines.filter((line) => line.curve.surveyed && line.curve.layer === layer)) {
    context.strokeStyle = color;
    curve.epochs.forEach((epoch, at) => {
      const [low, high] = [curve.low[at] ?? null, curve.high[at] ?? null];
      if (low === null || high === null) return;
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
    });
  }
  context.restore();
}

/** On the axis a cross where there is no Φ, a dot where it is waited for: larger for the layer that is shown. */
function gapMarks(plot: uPlot, lines: Line[], layer: string | null, warn: string, ink: string): void {
  const { ctx: context } = plot;
  const y = plot.bbox.top + plot.bbox.height - 7 * devicePixelRatio;
  context.save();
  context.setLineDash([]);
  context.lineWidth = 2 * devicePixelRatio;
  for (const { curve } of lines) {
    const current = curve.layer === layer;
    const arm = (current ? 4 : 2.5) * devicePixelRatio;
    context.globalAlpha = current ? 1 : 0.45;
    for (const gap of curve.gaps) {
      const x = plot.valToPos(gap.epoch, "x", true);
      context.strokeStyle = warn;
      context.fillStyle = ink;
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
    if (line.curve.surveyed && !isBeside(line, state)) continue;
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

export interface Metric {
  tag: string;
  points: [number, number | null][];
}

export function metricsOf(state: AppState): Metric[] {
  const of = (name: string, scalars: ScalarList | null | undefined, index: RunIndex | null | undefined): Metric[] => {
    if (!scalars || !index) return [];
    const epochAt = epochAtStep(index.rows);
    return scalars.series.slice(0, 6).map((line) => ({
      tag: `${name}${line.tag}`,
      points: line.points.flatMap(([step, value]): [number, number][] => {
        const epoch = epochAt(step);
        return epoch === null ? [] : [[Math.round(epoch * 100) / 100, value]];
      }),
    }));
  };
  return [...of(state.b ? "A · " : "", state.a?.scalars, state.a?.index), ...of("B · ", state.b?.scalars, state.b?.index)];
}

function alpha(color: string, part: number): string {
  const hex = color.trim();
  return hex.startsWith("#") && hex.length === 7
    ? `${hex}${Math.round(part * 255)
        .toString(16)
        .padStart(2, "0")}`
    : hex;
}
