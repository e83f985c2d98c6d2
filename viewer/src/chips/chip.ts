// What a chip is: a name, a few words, and the lines that explain them.
import type { EpochRecord, Survey } from "../data/types";
import { elementLabel } from "../scales/bits";
import { phiText } from "../scales/format";
import type { Term } from "../scales/glossary";

export interface Chip {
  name: string;
  text: string;
  lines: (string | [string, string])[];
  mood?: string;
  /** The word of the glossary that the chip is about. */
  term?: Term;
}

export const range = (values: number[], symbol: string): string =>
  values.length ? `${phiText(Math.min(...values))} – ${phiText(Math.max(...values))}` : `no ${symbol}`;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The units of a group by the names that they have everywhere on the page. */
export const unitsOf = ({ units }: Pick<Survey["groups"][number], "units">): string =>
  units.indices.map((_, element) => elementLabel(units, element)).join(" ");

/** The survey of a record that has the numbers of several groups; null where one group is all that there is. */
export const surveyOf = ({ survey, result }: EpochRecord): Survey | null =>
  survey && result.status !== "open" && survey.groups.length > 1 ? survey : null;
