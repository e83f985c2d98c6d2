// The transition probability matrix as a picture in the style of a paper.
import { s } from "../dom";
import { bitLabel, unitLetter } from "../scales/bits";
import { sequential } from "../scales/color";
import { number } from "../scales/format";
import { line, sheet, text, upright } from "./paper";

export interface MatrixFigure {
  title: string;
  values: readonly (readonly number[])[];
  /** The value at the bright end of the colours. */
  most: number;
  /** Rows without a number: hatched. */
  visited: readonly boolean[];
  form: "node" | "state";
  /** What the colours mean. */
  scale: string;
  color?: (value: number) => string;
  least?: number;
}

export function matrixFigure(figure: MatrixFigure): SVGSVGElement {
  const { title, values, most, visited, form, scale, color = (value) => sequential(value / most), least = 0 } = figure;
  const [rows, columns] = [values.length, values[0]?.length ?? 0];
  const n = Math.round(Math.log2(rows));
  const cell =
    form === "node" ? { width: 22, height: Math.max(4, Math.min(14, 420 / rows)) } : same(Math.max(2, Math.min(14, 420 / rows)));
  const left = 34 + 5.4 * n;
  const top = form === "node" ? 34 : 28 + 5.4 * n;
  const [right, bottom] = [left + cell.width * columns, top + cell.height * rows];
  const height = Math.max(bottom + 10, top + 110);
  const every = (size: number) => 2 ** Math.max(0, Math.ceil(Math.log2(9 / size)));
  const mono = { "font-family": "'DejaVu Sans Mono', Menlo, Consolas, monospace", "font-size": 8 };
  const names = Array.from({ length: rows }, (_, row) => row)
    .filter((row) => row % every(cell.height) === 0)
    .map((row) => text(left - 5, top + (row + 0.5) * cell.height + 3, bitLabel(row, n), "end", mono));
  const heads = Array.from({ length: columns }, (_, column) => column).flatMap((column) => {
    const x = left + (column + 0.5) * cell.width;
    if (form === "node") return [text(x, top - 5, unitLetter(column), "middle")];
    if (column % every(cell.width)) return [];
    return [text(0, 0, bitLabel(column, n), "start", { ...mono, transform: `translate(${x + 3} ${top - 4}) rotate(-90)` })];
  });
  const unvisited = visited.flatMap((there, row) =>
    there
      ? []
      : [line(hatch(left, top + row * cell.height, right - left, cell.height), { stroke: "#777777", "stroke-width": 0.5 })],
  );
  return sheet(
    right + 74,
    height,
    title,
    ...cells(values, visited, color, left, top, cell),
    ...unvisited,
    line(`M${left} ${top} H${right} V${bottom} H${left} Z`),
    ...names,
    ...heads,
    text((left + right) / 2, 12, form === "node" ? "Unit, next" : "State, next (unit A first)", "middle"),
    upright(12, (top + bottom) / 2, "State (unit A first)"),
    ...bar(right + 14, top, color, least, most, scale),
  );
}

const same = (size: number) => ({ width: size, height: size });

/** One path for each colour, so that a large matrix is a small file. */
export function cells(
  values: MatrixFigure["values"],
  visited: readonly boolean[],
  color: (value: number) => string,
  left: number,
  top: number,
  { width, height }: { width: number; height: number },
): SVGElement[] {
  const paths = new Map<string, string[]>();
  const short = (value: number) => Number(value.toFixed(2));
  values.forEach((row, r) => {
    if (visited[r] === false) return;
    row.forEach((value, c) => {
      const of = paths.get(color(value)) ?? [];
      paths.set(color(value), of);
      of.push(`M${short(left + c * width)} ${short(top + r * height)}h${short(width)}v${short(height)}h${-short(width)}z`);
    });
  });
  return [...paths].map(([fill, parts]) => s("path", { d: parts.join(""), fill, "shape-rendering": "crispEdges" }));
}

function hatch(x: number, y: number, width: number, height: number): string {
  const lines: string[] = [];
  for (let at = x; at < x + width; at += 5) lines.push(`M${at} ${y + height} L${Math.min(at + height, x + width)} ${y}`);
  return lines.join(" ");
}

/** What the colours mean: from the largest value at the top down to the least one. */
export function bar(
  x: number,
  y: number,
  color: (value: number) => string,
  least: number,
  most: number,
  scale: string,
): SVGElement[] {
  const [width, height, parts] = [8, 90, 48];
  const steps = Array.from({ length: parts }, (_, at) =>
    s("rect", {
      x,
      y: y + (height * at) / parts,
      width,
      height: height / parts + 0.3,
      fill: color(most - ((most - least) * (at + 0.5)) / parts),
    }),
  );
  return [
    ...steps,
    line(`M${x} ${y} h${width} v${height} h${-width} z`, { "stroke-width": 0.5 }),
    text(x + width + 4, y + 7, number(most, 2)),
    text(x + width + 4, y + height, number(least, 2)),
    upright(x + width + 34, y + height / 2, scale),
  ];
}
