// The lines that lead from what is named to its label, and where they are seen.
import type { Box, Place } from "./labels";

/** The line from a point to its label, beginning `reach` pixels away from it; null where the label stands right beside it. */
export function leaderTo({ x, y }: Place, { left, top, right, bottom }: Box, reach: number): [Place, Place] | null {
  const end = { x: Math.max(left, Math.min(right, x)), y: Math.max(top, Math.min(bottom, y)) };
  const long = Math.hypot(end.x - x, end.y - y);
  if (long < reach + 8) return null;
  return [{ x: x + ((end.x - x) * reach) / long, y: y + ((end.y - y) * reach) / long }, end];
}

/** Whether a label below a point is moved so far aside that one does not see whose it is without a line. */
export const isAside = ({ x }: Place, { left, right }: Box): boolean => Math.abs((left + right) / 2 - x) > (right - left) / 4;

/** How far a line stays away from a word. */
const CLEAR = 1;

/** The pieces of a line that lie over none of these boxes: a line that must cross a word goes on behind it. */
export function outside(line: readonly [Place, Place], boxes: readonly Box[]): [Place, Place][] {
  const hidden = boxes.map((box) => within(line, box)).filter((part) => part !== null);
  hidden.sort((a, b) => a[0] - b[0]);
  const [from, to] = line;
  const at = (part: number): Place => ({ x: from.x + part * (to.x - from.x), y: from.y + part * (to.y - from.y) });
  const pieces: [Place, Place][] = [];
  let seen = 0;
  for (const [start, end] of [...hidden, [1, 1]] as const) {
    if (start > seen) pieces.push([at(seen), at(start)]);
    seen = Math.max(seen, end);
  }
  return pieces;
}

/** Between which parts of its length a line is within a box; null where it never is. */
function within([from, to]: readonly [Place, Place], { left, top, right, bottom }: Box): [number, number] | null {
  const sides = [
    [from.x, to.x - from.x, left - CLEAR, right + CLEAR],
    [from.y, to.y - from.y, top - CLEAR, bottom + CLEAR],
  ] as const;
  let [start, end] = [0, 1];
  for (const [origin, way, low, high] of sides) {
    if (way === 0 && (origin < low || origin > high)) return null;
    if (way === 0) continue;
    const [one, two] = [(low - origin) / way, (high - origin) / way];
    start = Math.max(start, Math.min(one, two));
    end = Math.min(end, Math.max(one, two));
  }
  return start < end ? [start, end] : null;
}
