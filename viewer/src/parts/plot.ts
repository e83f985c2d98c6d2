// The chart of the curves: lines, bands, gaps and the mark of the epoch that is shown.
import uPlot from "uplot";
import type { RunIndex, ScalarList } from "../data/types";
import type { Context } from "../panels/panel";
import { metricColor } from "../scales/color";
import type { Measure } from "../scales/curve";
import { bandStretches, epochAtStep, epochTicks, gapped, smoothed, thinned } from "../scales/curve";
import { isIIT4, symbolWithUnit } from "../scales/formalism";
import { epochName, number } from "../scales/format";
import { LEAST_PHI } from "../scales/ticks";
import type { AppState } from "../state/app";
import { nearest } from "../state/app";
import type { Line } from "./curveLine";
import { before } from "./curveLine";
import { tipLines } from "./curveTip";
import { drawMarkers, drawMarks, GAP_STRIP, hasNull, intervalsIn, isBeside } from "./marks";

/** The names of what is drawn, where there is a chart for each. */
export const MEASURES: Record<Measure, string> = {
  share: "Share of the visits with φ_s > 0",
  phi: "Mean φ_s (ibits)",
  signed: "Mean signed φ_s (ibits)",
};

/** The chart of lines, in which each `every` epochs are one point. */
export function makePlot(
  context: Context,
  chart: HTMLElement,
  epochs: number[],
  lines: Line[],
  measure: Measure = "phi",
  every = 1,
): uPlot {
  const { store, controller, tip } = context;
  const style = getComputedStyle(chart);
  const ink = style.getPropertyValue("--muted");
  const grid = style.getPropertyValue("--line");
  const accent = style.getPropertyValue("--accent");
  const warn = style.getPropertyValue("--warn");
  const metrics = store.state.metrics && measure === "phi" ? metricsOf(store.state) : [];
  const xs = [
    ...new Set([
      ...epochs,
      ...lines.flatMap(({ curve }) => [...curve.epochs, ...curve.breaks.map(before)]),
      ...metrics.flatMap((metric) => metric.points.map(([x]) => x)),
    ]),
  ].sort((a, b) => a - b);
  const { log, smooth, zoom } = store.state;
  const isLog = log && measure === "phi";
  const [first, last] = zoom ?? [Math.floor(xs[0] ?? 0), xs[xs.length - 1] ?? 0];
  const at = new Map(xs.map((x, index) => [x, index]));
  const spread = (points: [number, number | null][]): (number | null | undefined)[] => {
    // null is a gap; undefined is a place where this series has nothing to say, and lines go on.
    const values: (number | null | undefined)[] = new Array(xs.length).fill(undefined);
    for (const [x, value] of points) values[at.get(x) as number] = value;
    return gapped(values);
  };
  const data: (number | null | undefined)[][] = [xs];
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const line of lines) {
    const { run, color } = line;
    const curve = thinned(line.curve, every, smoothed(line.curve, smooth));
    const current = curve.layer === store.state.layer;
    const dash = run === "B" ? [6, 4] : undefined;
    const points = (values: (number | null)[]): [number, number | null][] => [
      ...curve.epochs.map((epoch, index): [number, number | null] => [epoch, onAxis(values[index] ?? null, isLog)]),
      ...curve.breaks.map((epoch): [number, number | null] => [before(epoch), null]),
    ];
    const faint = current ? 1 : 0.5;
    const beside = isBeside(line, store.state);
    data.push(spread(beside ? points(curve.phi) : [])); // below the line of the layer
    const banded = new Set(bandStretches(curve).flat());
    const within = (values: (number | null)[]) => values.map((value, index) => (banded.has(index) ? value : null));
    data.push(spread(points(within(curve.high))), spread(points(curve.line)), spread(points(within(curve.low))));
    data.push(spread(hasNull(line, store.state) ? points(curve.nullUpper) : []));
    const alone = curve.line.filter((value) => value !== null).length === 1; // no line is seen of one epoch
    const dots = {
      show: (current || alone) && smooth === 1 && last - first <= 60,
      size: alone ? 9 : 5,
      fill: color,
      stroke: color,
    };
    const single = beside && curve.phi.filter((value) => value !== null).length === 1;
    series.push(
      { stroke: alpha(ink, 0.9), width: 1, points: { show: single, size: 6, fill: ink, stroke: ink } },
      { stroke: alpha(color, 0.35 * faint), width: 1, dash, points: { show: false } },
      { stroke: alpha(color, faint), width: current && (every > 1 || last - first <= 300) ? 2.4 : 1.3, dash, points: dots },
      { stroke: alpha(color, curve.surveyed || every > 1 ? 0.35 * faint : 0), width: 1, dash, points: { show: false } },
      { stroke: alpha(ink, 0.9), width: 1, dash: [2, 3], points: { show: false } },
    );
    const top = series.length - 4;
    if (current) bands.push({ series: [top, top + 2], fill: alpha(color, curve.surveyed || every > 1 ? 0.24 : 0.14) });
  }
  for (const metric of metrics) {
    data.push(spread(metric.points));
    series.push({
      scale: "metric",
      stroke: alpha(metric.color, 0.9),
      width: 1.4,
      dash: metric.run === "B" ? [6, 4] : [1, 0],
      points: { show: false },
      spanGaps: true,
      label: nameOfMetric(metric, store.state.b !== null),
    });
  }
  const leastTop = isIIT4(store.state.formalism) ? 1e-6 : LEAST_PHI;
  const drawn = intervalsIn(lines, store.state.layer, first - 0.4, last + 0.4);
  const tickText = (value: number | null) =>
    value === null ? "" : measure === "share" ? `${number(100 * value, 3)} %` : number(value, 3);
  const font = `11px ${style.fontFamily}`;
  // In a low chart the whole name has no room.
  const unit = chart.clientHeight < 200 && !isIIT4(store.state.formalism) ? "Φ (EMD)" : symbolWithUnit(store.state.formalism);
  const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  const hasGaps = lines.some(({ curve }) => curve.gaps.length > 0);
  const inks = { ink, accent, warn };
  // A drag ends with a click, which is not meant.
  let chosen = false;
  const plot = new uPlot(
    {
      width: chart.clientWidth,
      height: chart.clientHeight,
      legend: { show: false },
      padding: [hasGaps ? GAP_STRIP : null, null, null, null],
      cursor: { y: false, drag: { x: true, y: false, dist: 8, setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: () => [first - 0.4, last + 0.4] },
        y: {
          distr: isLog ? 3 : 1,
          range: (_, low, high) => {
            // An interval beside which no other one stands is in no series of the chart.
            const ends = drawn.flatMap((one) => [one.low, one.high]).flatMap((value) => onAxis(value, isLog) ?? []);
            const all = [low, high, ...ends].flatMap((value) => value ?? []);
            const [least, most] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 0];
            if (isLog) return around(least, most);
            return [Math.min(0, least * 1.12), Math.max(measure === "signed" ? 0 : leastTop, most * 1.12)];
          },
        },
        metric: {},
      },
      axes: [
        {
          ...axis,
          size: 26,
          gap: 8, // below the lowest number of the other axis
          ...axisTitle("Epoch", font),
          splits: ({ width }) => epochTicks(first, last, width - AXES - (metrics.length ? METRIC_AXIS : 0)),
          values: (_, ticks) => ticks.map((tick) => (tick < 0 ? "untrained" : String(tick))),
        },
        {
          ...axis,
          ...(measure === "phi" ? axisTitle(unit, font) : {}),
          size: isIIT4(store.state.formalism) ? 62 : 56,
          space: Math.max(20, (chart.clientHeight - 64) / 8),
          values: (_, ticks) => ticks.map(tickText),
        },
        ...(metrics.length
          ? [
              {
                ...axis,
                scale: "metric",
                side: 1 as const,
                ...axisTitle([...new Set(metrics.map(({ tag }) => tag))].join(", "), font),
                size: METRIC_AXIS - 14,
                grid: { show: false },
                values: (_: uPlot, ticks: number[]) => ticks.map((tick) => number(tick, 3)),
              },
            ]
          : []),
      ],
      series,
      bands,
      hooks: {
        setSelect: [
          ({ select, posToVal }) => {
            if (select.width < 8) return;
            const ends = [select.left, select.left + select.width].map((x) => nearest(epochs, posToVal(x, "x")) ?? 0) as [
              number,
              number,
            ];
            chosen = true;
            if (ends[1] > ends[0]) store.set({ zoom: ends });
          },
        ],
        draw: [
          (drawn) => {
            drawMarkers(drawn, store.state, inks);
            drawMarks(drawn, lines, store.state, inks);
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
  plot.over.addEventListener("mousedown", () => {
    chosen = false;
  });
  plot.over.addEventListener("dblclick", () => store.set({ zoom: null }));
  plot.over.addEventListener("click", (event) => {
    if (chosen) return;
    const epoch = epochUnder(event);
    if (epoch !== null) void controller.goTo(epoch);
  });
  plot.over.addEventListener("mousemove", (event) => {
    const epoch = epochUnder(event);
    if (epoch === null) return;
    tip.show(event.clientX, event.clientY, epochName(epoch), tipLines(lines, epoch, store.state, measure));
  });
  plot.over.addEventListener("mouseleave", () => tip.hide());
  return plot;
}

/** What the other axes take of the width of a chart, about; what it is exactly is known only after a first drawing. */
const [AXES, METRIC_AXIS] = [84, 58];

const axisTitle = (label: string, labelFont: string) => ({ label, labelFont, labelSize: 14, labelGap: 0 });

/** A logarithmic axis has no place for 0. */
const onAxis = (value: number | null, isLog: boolean): number | null => (isLog && value !== null && value <= 0 ? null : value);

const around = (low: number | null, high: number | null): [number, number] => [(low || 1e-3) / 1.3, (high || 1) * 1.3];

/** What was measured beside Φ; in a comparison both runs' curves of the same have one colour, and those of B are dashed, as its Φ is. */
export interface Metric {
  run: "A" | "B";
  tag: string;
  color: string;
  points: [number, number | null][];
}

export const nameOfMetric = ({ run, tag }: Metric, isCompared: boolean): string => (isCompared ? `${run} · ${tag}` : tag);

export function metricsOf(state: AppState): Metric[] {
  const of = (run: "A" | "B", scalars: ScalarList | null | undefined, index: RunIndex | null | undefined) => {
    if (!scalars || !index) return [];
    const epochAt = epochAtStep(index.rows);
    return scalars.series.slice(0, 6).map((line) => ({
      run,
      tag: line.tag,
      points: line.points.flatMap(([step, value]): [number, number | null][] => {
        const epoch = epochAt(step);
        return epoch === null ? [] : [[Math.round(epoch * 100) / 100, value]];
      }),
    }));
  };
  const found = [...of("A", state.a?.scalars, state.a?.index), ...of("B", state.b?.scalars, state.b?.index)];
  const tags = [...new Set(found.map(({ tag }) => tag))];
  return found.map((metric) => ({ ...metric, color: metricColor(tags.indexOf(metric.tag)) }));
}

function alpha(color: string, part: number): string {
  const hex = color.trim();
  return hex.startsWith("#") && hex.length === 7
    ? `${hex}${Math.round(part * 255)
        .toString(16)
        .padStart(2, "0")}`
    : hex;
}
