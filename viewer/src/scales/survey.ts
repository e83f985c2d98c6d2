// Φ of the groups of a survey, or φ_s.
import type { EpochRecord, Survey } from "../data/types";

export type SurveyGroup = Survey["groups"][number];

/** A number above this is called positive: rounding leaves less. */
const POSITIVE = 1e-6;

/** The mean Φ of a group over the visited states that have one, by visits; null where there is none. */
export const groupPhi = ({ phis, visits }: SurveyGroup): number | null => mean(phis, visits);

/** The mean Φ of each group that has one. */
export const groupPhis = ({ groups }: Pick<Survey, "groups">): number[] => groups.flatMap((group) => groupPhi(group) ?? []);

/** Of IIT 4.0 its mean signed φ_s. */
export const groupSigned = ({ signed, visits }: SurveyGroup): number | null => mean(signed, visits);

/** The share of its visits that are of a state with Φ above 0. */
export const groupShare = ({ phis, visits }: SurveyGroup): number | null =>
  mean(
    phis.map((phi) => (phi === null ? null : Number(phi > POSITIVE))),
    visits,
  );

/** How often the states of a group were visited, analysed ones or not; null where that is not known. */
export function visitsOf({ perturbation, survey }: Pick<EpochRecord, "perturbation" | "survey">, at: number): number[] | null {
  if (!perturbation) return survey?.groups[at]?.counts?.visits ?? null;
  // Units that were set were observed before; of the other groups only the sum is known, which is the same for all.
  if (at === 0) return perturbation.observed;
  const { visits = [] } = survey?.groups[at] ?? {};
  return sum(visits) === sum(perturbation.observed) ? visits : null;
}

/** How often the states of a group were visited in all, of those that were analysed and the others. */
export function allVisits(record: Pick<EpochRecord, "perturbation" | "survey">, at: number): number {
  const analysed = sum(record.survey?.groups[at]?.visits ?? []);
  const all = record.perturbation ? record.perturbation.observed : (record.survey?.groups[at]?.counts?.visits ?? []);
  return Math.max(analysed, sum(all));
}

/** How many of the visited states of a group were analysed, in words: "1 of 4 visited states". */
export function statesWords(record: Pick<EpochRecord, "perturbation" | "survey">, at: number): string {
  const group = record.survey?.groups[at];
  const analysed = group?.visits.filter((many, state) => many > 0 && group.phis[state] != null).length ?? 0;
  const visited = visitsOf(record, at)?.filter((many) => many > 0).length;
  if (visited === undefined) return `${analysed} visited ${analysed === 1 ? "state" : "states"}`;
  return `${analysed} of ${visited} visited ${visited === 1 ? "state" : "states"}`;
}

/** Whether some of the visits of a group are of states that were not analysed. */
export const isPart = (record: Pick<EpochRecord, "perturbation" | "survey">, at: number): boolean => {
  const group = record.survey?.groups[at];
  const analysed = sum(group?.visits.filter((_, state) => group.phis[state] != null) ?? []);
  return analysed > 0 && analysed < allVisits(record, at);
};

/** Of a survey of one group the states that its number is the mean over; empty for one of several groups. */
export const analysedWords = (record: Pick<EpochRecord, "perturbation" | "survey">): string =>
  record.survey?.groups.length === 1 ? statesWords(record, 0) : "";

/** Of which visits a share is. */
export function ofVisits(record: Pick<EpochRecord, "perturbation" | "survey">): string {
  const groups = record.survey?.groups ?? [];
  if (!groups.some((_, at) => isPart(record, at))) return "of the visits";
  return groups.length === 1 ? `of the visits of ${statesWords(record, 0)}` : "of the visits of the analysed states";
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

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
