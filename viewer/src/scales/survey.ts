// Φ of the groups of a survey, or φ_s.
import type { Survey } from "../data/types";

export type SurveyGroup = Survey["groups"][number];

/** A number above this is called positive: rounding leaves less. */
const POSITIVE = 1e-6;

/** The mean Φ of a group over the visited states that have one, by visits; null where there is none. */
export const groupPhi = ({ phis, visits }: SurveyGroup): number | null => mean(phis, visits);

/** Of IIT 4.0 its mean signed φ_s. */
export const groupSigned = ({ signed, visits }: SurveyGroup): number | null => mean(signed, visits);

/** The share of its visits that are of a state with Φ above 0. */
export const groupShare = ({ phis, visits }: SurveyGroup): number | null =>
  mean(
    phis.map((phi) => (phi === null ? null : Number(phi > POSITIVE))),
    visits,
  );

function mean(values: readonly (number | null)[], visits: readonly number[]): number | null {
  let total = 0;
  let sum = 0;
  values.forEach((value, at) => {
    const weight = value === null ? 0 : (visits[at] ?? 0);
    total += weight;
    sum += (value ?? 0) * weight;
  });
  return total ? sum / total : null;
}
