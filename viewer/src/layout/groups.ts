// Where the dots of the groups are: along the axis of Φ, or of signed φ_s, and above one another where they would overlap.
import type { Survey } from "../data/types";
import { groupPhi, groupSigned } from "../scales/survey";
import { even, LEAST_PHI } from "../scales/ticks";

export const RADIUS = 5;

export interface GroupDots {
  dots: { group: number; value: number; x: number; y: number }[];
  /** Where a value is on the axis, which holds 0. */
  x: (value: number) => number;
  left: number;
  right: number;
  bottom: number;
  /** What the axis names. */
  ticks: number[];
}

/** Above is room for the name of the mean, below for the numbers of the axis and its title. */
export const EDGE = { left: 14, right: 14, top: 14, bottom: 36 };

export function placeGroups(survey: Survey, width: number, height: number): GroupDots {
  // φ_s of nearly all groups is 0, signed φ_s is not.
  const numberOf = survey.signed === null ? groupPhi : groupSigned;
  const known = survey.groups.flatMap((one, group) => {
    const value = numberOf(one);
    return value === null ? [] : [{ group, value }];
  });
  const values = known.map(({ value }) => value);
  const most = Math.max(survey.signed === null ? Math.max(LEAST_PHI, survey.high ?? 0) : 0, ...values) * 1.08;
  const least = Math.min(0, ...values) * 1.08;
  const [right, bottom] = [width - EDGE.right, height - EDGE.bottom];
  const x = (value: number) => EDGE.left + ((right - EDGE.left) * (value - least)) / (most - least || 1);
  const ends: number[] = []; // of each row of dots, from below, where its last dot ends
  const dots = [...known]
    .sort((a, b) => a.value - b.value)
    .map(({ group, value }) => {
      const at = x(value);
      const free = ends.findIndex((end) => at - RADIUS >= end);
      const row = free < 0 ? ends.length : free;
      ends[row] = at + RADIUS + 1;
      return { group, value, x: at, y: bottom - 9 - row * (2 * RADIUS + 1) };
    });
  return { dots, x, left: EDGE.left, right, bottom, ticks: even(least, most) };
}
