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

  copy(): Taken {
    const other = new Taken();
    for (const [cell, boxes] of this.cells) other.cells.set(cell, boxes);
    return other;
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

/** A name stands at most so many pixels below its point. */
const DEEP = 256;
/** How far a name is moved sideways, as a part of its width: the point stays above it. */
const ASIDE = [0, -0.45, 0.45];

/** Places for a name below a point: rows, each in the middle or moved sideways; none reaches out of the room. */
export function placesBelow({ x, y }: Place, { width, height }: Size, room: Size, aside: readonly number[] = ASIDE): Place[] {
  const inside = (left: number) => Math.max(2, Math.min(room.width - width - 2, left));
  const lefts = [...new Set(aside.map((by) => inside(x + (by - 0.5) * width)))];
  const rows = Array.from({ length: Math.floor(DEEP / height) }, (_, row) => y + row * height);
  return rows.filter((top) => top + height <= room.height).flatMap((top) => lefts.map((left) => ({ x: left, y: top })));
}

/** A name that is wanted below a point; where it `must` be, also over units or with a line that leads over another name. */
export interface Wanted {
  point: Place;
  size: Size;
  must: boolean;
}

const UNNAMED = 3;
/** The first that is wanted is that of the shown layer: rather than it several others have no place. */
const FIRST_UNNAMED = 32;
/** What a name costs that need not be and has no place: less than anything amiss with one that must be. */
const MISSING = 1 / 64;
/** Of more names no better arrangement is looked for as long as those that must be have theirs: that would be slow. */
const MANY = 24;

/** Where the names stand, in the order in which they were wanted; `words` is what is taken then. */
export interface Named {
  boxes: (Box | null)[];
  words: Taken;
  /** What is amiss with names that must be: 1 for one over units or with a line over a name, `UNNAMED` for one without a place, and more for the first; with others that have none a part of 1. */
  cost: number;
}

/** In which order names are given their places, where all must be, and to which side they are moved first. */
const ARRANGEMENTS: readonly [-1 | 0 | 1, readonly number[]][] = [
  [0, ASIDE],
  [1, [-0.45, 0, 0.45]],
  [-1, [0.45, 0, -0.45]],
  [1, [-0.45]],
  [-1, [0.45]],
];

/**
 * Places for names below their points, of the arrangements that which costs least. Stairs, from the left or from
 * the right, keep the lines of close neighbours free: each name stands on the side of those that have their places already.
 */
export function placeNames(wanted: readonly Wanted[], room: Size, words: Taken, units: Taken): Named {
  let best: Named | null = null;
  for (const [direction, aside] of ARRANGEMENTS) {
    const order = wanted.map((_, at) => at);
    if (direction && wanted.every(({ must }) => must))
      order.sort((a, b) => direction * ((wanted[a] as Wanted).point.x - (wanted[b] as Wanted).point.x));
    const tried = arranged(wanted, order, aside, room, words.copy(), units);
    if (!best || tried.cost < best.cost) best = tried;
    if (!best.cost) break;
  }
  return best as Named;
}

function arranged(
  wanted: readonly Wanted[],
  order: readonly number[],
  aside: readonly number[],
  room: Size,
  words: Taken,
  units: Taken,
): Named {
  const boxes: (Box | null)[] = wanted.map(() => null);
  let cost = 0;
  for (const at of order) {
    const { point, size, must } = wanted[at] as Wanted;
    const places = placesBelow(point, size, room, aside);
    const free = takePlace(places, size, words, units, wayDown(point));
    const others = placesBelow(point, size, room);
    const box = free ?? (must ? (takePlace(others, size, words, units) ?? takePlace(others, size, words)) : null);
    if (must && !free) cost += box ? 1 : at === 0 ? FIRST_UNNAMED : UNNAMED;
    else if (!free && wanted.length <= MANY) cost += MISSING;
    boxes[at] = box;
  }
  return { boxes, words, cost };
}

/** Whether a line of this size has room below a label, in its middle, and beside it where the line is longer; it is taken from then on. */
export function takeLineBelow(label: Box, { width, height }: Size, room: Size, words: Taken, units: Taken): boolean {
  const middle = (label.left + label.right) / 2;
  const box = boxAt({ x: middle - width / 2, y: label.bottom + GAP }, { width, height: height - GAP });
  const fits = box.left >= 0 && box.right <= room.width && box.bottom <= room.height;
  const beside = [
    { ...box, top: label.top, right: label.left - 2 * GAP },
    { ...box, top: label.top, left: label.right + 2 * GAP },
  ].filter(({ left, right }) => left < right);
  if (!fits || !words.isFree(box) || !units.isFree(box) || !beside.every((side) => words.isFree(side))) return false;
  for (const part of [box, ...beside]) words.add(part);
  return true;
}
