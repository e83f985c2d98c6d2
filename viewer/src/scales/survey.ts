// Φ of the groups of a survey.
import type { Survey } from "../data/types";

export type SurveyGroup = Survey["groups"][number];

/** The mean Φ of a group over the visited states that have one, by visits; null where there is none. */
export function groupPhi({ phis, visits }: SurveyGroup): number | null {
  let total = 0;
  let mean = 0;
  phis.forEach((phi, at) => {
    const weight = phi === null ? 0 : (visits[at] ?? 0);
    total += weight;
    mean += (phi ?? 0) * weight;
  });
  return total ? mean / total : null;
}
