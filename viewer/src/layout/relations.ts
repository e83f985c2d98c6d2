// Where the relations are drawn: a row for each, a column for each distinction that one of them binds, and a bar for φ_r.
import type { Relation } from "../scales/relations";

export interface RelationsLayout {
  /** The positions of the distinctions, the one of largest φ_d first, and where their columns are. */
  columns: { of: number; x: number }[];
  rows: { of: Relation; y: number; dots: number[] }[];
  width: number;
  height: number;
  /** Where the heads of the columns end. */
  head: number;
  /** Where the bars begin, and how long the longest is. */
  barFrom: number;
  bar: number;
}

const [COLUMN, ROW, HEAD, EDGE, COMMON, BAR, NUMBER] = [22, 19, 46, 12, 96, 60, 52] as const;
const LEAST = 324;

export function placeRelations(relations: readonly Relation[], phiOf: (distinction: number) => number): RelationsLayout {
  const bound = [...new Set(relations.flatMap(({ members }) => members))].sort((a, b) => phiOf(b) - phiOf(a) || a - b);
  const columns = bound.map((of, at) => ({ of, x: EDGE + at * COLUMN }));
  const x = new Map(columns.map((column) => [column.of, column.x]));
  const rows = relations.map((of, at) => ({
    of,
    y: HEAD + 10 + at * ROW,
    dots: of.members.map((member) => x.get(member) as number).sort((a, b) => a - b),
  }));
  const barFrom = Math.max(LEAST - BAR - NUMBER, EDGE + bound.length * COLUMN + COMMON);
  const width = barFrom + BAR + NUMBER;
  return { columns, rows, width, height: HEAD + 10 + relations.length * ROW, head: HEAD, barFrom, bar: BAR };
}
