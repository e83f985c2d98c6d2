// Where the dots of the groups are: along the axis of Φ, which begins at 0, and above one another where they would overlap.
import type { Survey } from "../data/types";
import { groupPhi } from "../scales/survey";

export const RADIUS = 5;

export interface GroupDots {
  dots: { group: number; phi: number; x: number; y: number }[];
  /** Where a Φ is on the axis. */
  x: (phi: number) => number;
  left: number;
  right: number;
  bottom: number;
  /** The end of the axis. */
  phi: number;
}

const EDGE = { left: 12, right: 12, bottom: 22 };

export function placeGroups(survey: Survey, width: number, height: number): GroupDots {
  const known = survey.groups.flatMap((one, group) => {
    const phi = groupPhi(one);
    return phi === null ? [] : [{ group, phi }];
  });
  const most = Math.max(1e-6, survey.high ?? 0, ...known.map(({ phi }) => phi)) * 1.08;
  const [right, bottom] = [width - EDGE.right, height - EDGE.bottom];
  const x = (phi: number) => EDGE.left + ((right - EDGE.left) * phi) / most;
  const ends: number[] = []; // of each row of dots, from below, where its last dot ends
  const dots = [...known]
    .sort((a, b) => a.phi - b.phi)
    .map(({ group, phi }) => {
      const at = x(phi);
      const free = ends.findIndex((end) => at - RADIUS >= end);
      const row = free < 0 ? ends.length : free;
      ends[row] = at + RADIUS + 1;
      return { group, phi, x: at, y: bottom - 9 - row * (2 * RADIUS + 1) };
    });
  return { dots, x, left: EDGE.left, right, bottom, phi: most };
}
