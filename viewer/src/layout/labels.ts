// Places for labels, so that none lies over another.

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

const boxAt = ({ x, y }: { x: number; y: number }, { width, height }: Size): Box => ({
  left: x,
  top: y,
  right: x + width,
  bottom: y + height,
});

/** The first of these places of its upper left corner where a label is over none of the taken ones; it is taken from then on. */
export function takePlace(places: readonly { x: number; y: number }[], size: Size, taken: Box[]): Box | null {
  const free = places.map((place) => boxAt(place, size)).find((box) => !taken.some((other) => isOver(box, other)));
  if (!free) return null;
  taken.push(free);
  return free;
}

/** Places beside a point for a label: right above it, then on its other sides, then farther away. */
export function placesAround({ x, y }: { x: number; y: number }, { width, height }: Size): { x: number; y: number }[] {
  return [0, 1, 2, 3, 4, 5].flatMap((row) => {
    const [above, below] = [y - 4 - height - row * (height + GAP), y + 4 + row * (height + GAP)];
    return [above, below].flatMap((top) => [
      { x: x + 7, y: top },
      { x: x - 7 - width, y: top },
    ]);
  });
}

/** Places for a name below a point: up to three rows, moved sideways where it would reach out of the room. */
export function placesBelow({ x, y }: { x: number; y: number }, { width, height }: Size, room: number): { x: number; y: number }[] {
  const left = Math.max(2, Math.min(room - width - 2, x - width / 2));
  return [0, 1, 2].map((row) => ({ x: left, y: y + row * height }));
}
