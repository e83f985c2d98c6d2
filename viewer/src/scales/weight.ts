// A weight's line: thickness by magnitude, colour by sign.
export const THICKEST = 3.4;
export const THINNEST = 0.35;

/** The width in pixels of a weight where `largest` is drawn at full thickness; proportional, so that half is half. */
export function lineWidth(weight: number, largest: number): number {
  if (!(largest > 0)) return THINNEST;
  return Math.max(THINNEST, Math.min(1.4, Math.abs(weight) / largest) * THICKEST);
}

/** How opaque the line is: thin lines step back so that a dense layer stays readable. */
export function lineOpacity(weight: number, largest: number): number {
  return 0.035 + 0.6 * weightPart(weight, largest) ** 1.8;
}

/** A weight's magnitude as a part of the largest one, at most 1. */
export const weightPart = (weight: number, largest: number): number => (largest > 0 ? Math.min(1, Math.abs(weight) / largest) : 0);
