// States as bits. The index of a state is little-endian: unit 0 is the least significant bit; labels show unit 0 first.

import type { Units } from "../generated/records";

export const bitsOf = (code: number, n: number): number[] => Array.from({ length: n }, (_, unit) => (code >> unit) & 1);

export const codeOf = (bits: readonly number[]): number => bits.reduce((code, bit, unit) => code + (bit ? 2 ** unit : 0), 0);

export const bitLabel = (code: number, n: number): string => bitsOf(code, n).join("");

/** A, B, C ... for the units of a system. */
export const unitLetter = (unit: number): string =>
  unit < 26 ? String.fromCharCode(65 + unit) : `${unitLetter(Math.floor(unit / 26) - 1)}${unitLetter(unit % 26)}`;

export const lettersOf = (units: readonly number[], name: (unit: number) => string = unitLetter): string =>
  units.map(name).join(" ");

/** The name of an element of the system: `12`; `12a` and `12b` for the two of one unit; `12+3` for the mean of unit 12 and 3 others. */
export function elementLabel(units: Units, element: number): string {
  const others = (units.clusters[element]?.length ?? 1) - 1;
  const part = units.bits === 2 ? "ab"[element % 2] : "";
  return `${units.indices[element] ?? element}${others > 0 ? `+${others}` : ""}${part}`;
}
