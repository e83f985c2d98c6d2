// Places for labels, so that none lies over another, nor over a unit.

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Size {
  width: number;
  height: number;
}

const GAP = 2;

const isOver = (a: Box, b: Box): boolean =>
  a.left < b.right + GAP && b.left < a.right + GAP && a.top < b.bottom + GAP && b.top < a.bottom + GAP;

const boxAt = ({ x, y }: Place, { width, height }: Size): Box => ({ left: x, top: y, right: x + width, bottom: y + height });

export interface Place {
  x: number;
  y: number;
}

/** The side of a cell of the grid in which boxes are looked up, in pixels. */
const CELL = 48;

/** What is taken of a picture. */
export class Taken {
  private readonly cells = new Map<string, Box[]>();

  constructor(boxes: readonly Box[] = []) {
    for (const box of boxes) this.add(box);
  }

  add(box: Box): void {
    for (const cell of cellsOf(box)) this.cells.set(cell, [...(this.cells.get(cell) ?? []), box]);
  }

  isFree(box: Box): boolean {
    return cellsOf(box, GAP).every((cell) => !this.cells.get(cell)?.some((other) => isOver(box, other)));
  }
}

function cellsOf({ left, top, right, bottom }: Box, more = 0): string[] {
  const at = (value: number) => Math.floor(value / CELL);
  const found: string[] = [];
  for (let x = at(left - more); x <= at(right + more); x++)
    for (let y = at(top - more); y <= at(bottom + more); y++) found.push(`${x} ${y}`);
  return found;
}

/**
 * The first of these places of its upper left corner where a label is over nothing that is taken; it is taken from then on, with the
 * box of its `way`, which leads over no word.
 */
export function takePlace(
  places: readonly Place[],
  size: Size,
  words: Taken,
  units: Taken = new Taken(),
  way: (box: Box) => Box | null = () => null,
): Box | null {
  const isFree = (box: Box) => {
    const over = way(box);
    return words.isFree(box) && units.isFree(box) && (over === null || words.isFree(over));
  };
  const free = places.map((place) => boxAt(place, size)).find(isFree);
  if (!free) return null;
  const over = way(free);
  for (const box of over ? [free, over] : [free]) words.add(box);
  return free;
}

/** The box of the line that leads straight down from a point to a label; it ends where the label begins. */
export const wayDown =
  ({ x, y }: Place) =>
  ({ top }: Box): Box | null =>
    top - y > 2 * GAP ? { left: x, right: x, top: y, bottom: top - GAP } : null;

const TURNS = 16;
const FARTHER = [0, 1, 2, 3, 4, 6, 8, 10, 13, 16, 20];

/**
 * Places around a point for a label that keeps `reach` pixels away from it: on the side of `away` (an angle, clockwise from the
 * right) first, then on the other sides, then farther away.
 */
export function placesAround({ x, y }: Place, { width, height }: Size, reach: number, away: number): Place[] {
  const turns = Array.from({ length: TURNS }, (_, at) => away + ((at % 2 ? 1 : -1) * Math.ceil(at / 2) * 2 * Math.PI) / TURNS);
  return FARTHER.flatMap((step) =>
    turns.map((turn) => {
      const [right, down] = [Math.cos(turn), Math.sin(turn)];
      const far = reach + GAP + 14 * step + Math.min(width / 2 / Math.abs(right || 1e-9), height / 2 / Math.abs(down || 1e-9));
      return { x: x + right * far - width / 2, y: y + down * far - height / 2 };
    }),
  );
}

/** A name stands at most so many rows below its point. */
const ROWS = 8;
/** How far a name is moved sideways, as a part of its width: the point stays above it. */
const ASIDE = [0, -0.45, 0.45];

/** Places for a name below a point: rows, each in the middle or moved sideways; none reaches out of the room. */
export function placesBelow({ x, y }: Place, { width, height }: Size, room: Size): Place[] {
  const inside = (left: number) => Math.max(2, Math.min(room.width - width - 2, left));
  const lefts = [...new Set(ASIDE.map((by) => inside(x + (by - 0.5) * width)))];
  const rows = Array.from({ length: ROWS }, (_, row) => y + row * height);
  return rows.filter((top) => top + height <= room.height).flatMap((top) => lefts.map((left) => ({ x: left, y: top })));
}

/** The line from a point to its label, beginning `reach` pixels away from it; null where the label stands right beside it. */
export function leaderTo({ x, y }: Place, { left, top, right, bottom }: Box, reach: number): [Place, Place] | null {
  const end = { x: Math.max(left, Math.min(right, x)), y: Math.max(top, Math.min(bottom, y)) };
  const long = Math.hypot(end.x - x, end.y - y);
  if (long < reach + 8) return null;
  return [{ x: x + ((end.x - x) * reach) / long, y: y + ((end.y - y) * reach) / long }, end];
}
