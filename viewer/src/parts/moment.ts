// What is shown of the recorded activity at a moment while it is played.
import type { Beat } from "../scene/pulses";

export const STEP_MS = 650;

/** Whether a person asked the system for less motion. */
export const wantsRest = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Step and pulses at a place among so many steps: where motion glides, pulses run first, then the values of the next step come. */
export function momentAt(position: number, many: number, glides: boolean): { step: number; beat: Beat } {
  const whole = Math.floor(position);
  const part = position - whole;
  return glides ? { step: (whole + ease(part)) % many, beat: part } : { step: whole % many, beat: "still" };
}

const ease = (part: number): number => (part < 0.55 ? 0 : ((part - 0.55) / 0.45) ** 2 * (3 - (2 * (part - 0.55)) / 0.45));
