// Φ of all layers over epochs as small pictures beside each other, in the style of a paper, and as numbers.
import { s } from "../dom";
import { number, phiText } from "../scales/format";
import { shareText } from "../scales/iit4";
import type { OverviewGroup } from "../scales/overview";
import { sparkline } from "../scales/overview";
import { csv } from "./csv";
import { line, sheet, text } from "./paper";

const COLUMNS = 4;
const PICTURE = { width: 116, height: 36 };
const [EDGE, GAP, HEAD, NAME] = [8, 12, 18, 12];
const [WIDE, HIGH] = [PICTURE.width + GAP, NAME + PICTURE.height + 10];
const INK = "#0072b2";

/** A picture for each layer, four in a row, those of one kind of number under one head that says their axes. */
export function overviewFigure(title: string, groups: readonly OverviewGroup[], short: (layer: string) => string): SVGSVGElement {
  let top = EDGE;
  const parts = groups.flatMap((group) => {
    const { words, shares, most, curves } = group;
    const epochs = curves.flatMap((curve) => curve.epochs);
    const axes = `all axes from 0 to ${shares ? shareText(most) : number(most, 3)}`;
    const span = `epochs ${Math.min(...epochs)} to ${Math.max(...epochs)}`;
    const head = text(EDGE, top + 10, `${words}; ${axes}, ${span}`, "start", { "font-weight": 700 });
    const above = top + HEAD;
    top = above + HIGH * Math.ceil(curves.length / COLUMNS);
    return [head, ...curves.flatMap((curve, at) => cell(curve, at, above, group, short))];
  });
  return sheet(2 * EDGE + COLUMNS * WIDE - GAP, top + EDGE, title, ...parts);
}

function cell(
  curve: OverviewGroup["curves"][number],
  at: number,
  above: number,
  { shares, most }: OverviewGroup,
  short: (layer: string) => string,
): SVGElement[] {
  const [x, y] = [EDGE + WIDE * (at % COLUMNS), above + HIGH * Math.floor(at / COLUMNS)];
  const last = [...curve.line].reverse().find((value) => value !== null);
  const { path, dots } = sparkline(curve, most, PICTURE);
  const drawn = s(
    "g",
    { transform: `translate(${x} ${y + NAME})` },
    line(`M0.4 0 V${PICTURE.height} H${PICTURE.width}`, { "stroke-width": 0.6 }),
    line(path, { stroke: INK, "stroke-width": 1.2 }),
    ...dots.map(([cx, cy]) => s("circle", { cx, cy, r: 1.8, fill: INK })),
  );
  return [
    text(x, y + 8, short(curve.layer)),
    text(x + PICTURE.width, y + 8, shares ? shareText(last) : phiText(last), "end"),
    drawn,
  ];
}

/** A row for each layer and epoch, each number as the run has it. */
export function overviewCsv(groups: readonly OverviewGroup[]): string {
  const rows = groups.flatMap(({ words, curves }) =>
    curves.flatMap(({ layer, epochs, line: values }) => epochs.map((epoch, at) => [layer, words, epoch, values[at]])),
  );
  return csv([["layer", "number", "epoch", "value"], ...rows]);
}
