// What the words and numbers of IIT 4.0 mean, for the tips, and how its numbers are written.
import { lettersOf } from "./bits";
import { termWords } from "./glossary";

export const IBIT =
  "ibit: the unit of intrinsic information, the probability of a state times the logarithm (base 2) of how much more probable the system makes it than chance does.";
export const PHI_S = `φ_s: ${termWords("φ_s")}`;
export const SIGNED =
  "Signed φ_s: φ_s before it is set to at least 0. It is negative where cutting the system makes the specified states more probable, and says how far from integrated a system with φ_s = 0 is.";
export const SHARE =
  "How many of the visits were of a state with φ_s above 0, as a mean over the groups of units. In most states of most small systems φ_s is exactly 0.";
export const DISTINCTION = `Distinction: ${termWords("distinction")}`;
export const RELATION = `Relation: ${termWords("relation")}`;
export const STRUCTURE = "Φ of the structure: the sum of φ_d over all distinctions and of φ_r over all relations, in ibits.";

export const OF_REDUCIBLE =
  "φ_s is 0, so by IIT 4.0 these units are not one system: Φ of the structure only adds up what subsets of them specify.";

/** A share in percent; one that would read 0 but is not becomes "below 0.1 %". */
export function shareText(share: number | null | undefined): string {
  if (share === null || share === undefined) return "–";
  return share === 0 ? "0 %" : share < 0.001 ? "below 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

/** Units in a state: "A B = 01". */
export const inState = (nodes: readonly number[], state: readonly number[]): string => `${lettersOf(nodes)} = ${state.join("")}`;
