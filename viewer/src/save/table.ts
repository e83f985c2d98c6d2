// A table as a picture in the style of a paper: rules above, below the heads and at the end.
import { line, sheet, text } from "./paper";

const [ROW, EDGE, GAP] = [14, 8, 18];

/** Columns whose name begins with "#" hold numbers, and stand to the right. */
export function tableFigure(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): SVGSVGElement {
  const all = [heads.map((head) => head.replace(/^#/, "")), ...rows];
  const widths = heads.map((_, at) => Math.max(...all.map((row) => widthOf(row[at] ?? ""))));
  const lefts = widths.map((_, at) => EDGE + widths.slice(0, at).reduce((sum, width) => sum + width + GAP, 0));
  const width = EDGE * 2 + widths.reduce((sum, one) => sum + one, 0) + GAP * (widths.length - 1);
  const height = 2 * EDGE + ROW * all.length + 4;
  const rule = (y: number, thick: number) => line(`M${EDGE} ${y} H${width - EDGE}`, { "stroke-width": thick });
  const cells = all.flatMap((row, r) =>
    row.map((words, at) => {
      const isNumber = heads[at]?.startsWith("#");
      const x = (lefts[at] ?? 0) + (isNumber ? (widths[at] ?? 0) : 0);
      const y = EDGE + ROW * r + 10 + (r ? 4 : 0);
      return text(x, y, words, isNumber ? "end" : "start", r ? {} : { "font-weight": 700 });
    }),
  );
  return sheet(width, height, title, rule(EDGE, 1), rule(EDGE + ROW + 1, 0.6), rule(height - EDGE, 1), ...cells);
}

function widthOf(words: string): number {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  if (!context) return 5 * words.length;
  context.font = "700 9px Helvetica, Arial, sans-serif";
  return Math.ceil(context.measureText(words).width) + 1;
}
