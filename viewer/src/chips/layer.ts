// The chips of the layer: what its Φ is a statement about, its interval, and its groups.
import { hasPhi } from "../data/results";
import type { EpochRecord, Survey } from "../data/types";
import { isIIT4, symbolOf } from "../scales/formalism";
import { axisWords, number, phiText, statusWords } from "../scales/format";
import { isTerm, termWords } from "../scales/glossary";
import { SHARE, SIGNED, shareText } from "../scales/iit4";
import { groupPhis, isPart, statesWords } from "../scales/survey";
import type { Chip } from "./chip";
import { range } from "./chip";

export function kind(record: EpochRecord): Chip {
  const structural =
    record.structural_phi === null
      ? []
      : [`${symbolOf(record.formalism)} by structure is ${number(record.structural_phi)}: ${record.structural_reason}.`];
  return {
    name: "kind",
    text: record.kind,
    lines: [
      ...(isTerm(record.kind) ? [`${record.kind}: ${termWords(record.kind)}`] : []),
      `Transitions go ${axisWords[record.axis] ?? record.axis}.`,
      ...structural,
    ],
    mood: record.kind,
    term: "kind",
  };
}

/** The interval of the number that stands before all chips. */
export function layerInterval({ formalism }: EpochRecord, { low, high, se, interval_words: words }: Survey): Chip {
  const known = low !== null && high !== null;
  return {
    name: isIIT4(formalism) ? "90 % interval of mean φ_s" : "90 % interval",
    text: known ? `${phiText(low)} – ${phiText(high)}` : "not computed",
    lines: [...(words ? [words] : []), ...(se === null ? [] : [["standard error", number(se, 2)] as [string, string]])],
  };
}

/** Of how many of the visited states of the shown group the layer's number knows; empty where of all. */
export const analysedStates = (record: EpochRecord): Chip[] =>
  isPart(record, 0)
    ? [
        {
          name: "mean over",
          text: statesWords(record, 0),
          lines: [
            `Of the shown group. A group's ${symbolOf(record.formalism)} is the mean over the states that were analysed, by visits.`,
            "Coverage is another thing: of how many states the transition probabilities are known.",
          ],
        },
      ]
    : [];

/** From the smallest to the largest Φ of a group. */
export function groupsOf({ formalism }: EpochRecord, survey: Survey): Chip {
  const { phi, groups } = survey;
  const symbol = symbolOf(formalism);
  const phis = groupPhis(survey);
  const none = groups.length - phis.length;
  return {
    name: `mean ${symbol} of single groups`,
    text: range(phis, symbol),
    lines: [
      `The smallest and the largest ${symbol} of a group. Each group's ${symbol} is the mean over the states that were analysed, by visits.`,
      [`mean of the groups: ${symbol} of the layer`, phiText(phi)],
      ...ofShares(survey),
      ...(none ? [`${none} of them ${none === 1 ? "has" : "have"} no ${symbol}.`] : []),
    ],
    term: "survey",
  };
}

/** Of IIT 4.0 how often φ_s is above 0, and its mean before it is set to at least 0. */
function ofShares({ share, signed }: Survey): Chip["lines"] {
  if (share === null) return [];
  return [["visits with φ_s > 0", shareText(share)], SHARE, ["mean signed φ_s", phiText(signed)], SIGNED];
}

/** Random groups as version 0.1.0 recorded them: each in one state. */
export function olderGroups({ groups }: EpochRecord): Chip[] {
  if (!groups.length) return [];
  const lines = groups.map(({ units, result }): [string, string] => [
    `units ${units.indices.join(" ")}`,
    hasPhi(result) ? phiText(result.phi) : (statusWords[result.status] ?? result.status),
  ]);
  const phis = groups.flatMap(({ result }) => (hasPhi(result) ? result.phi : []));
  return [
    {
      name: `${groups.length} groups of units`,
      text: range(phis, "Φ"),
      lines: ["Random groups of the layer's units; the panels show the first.", ...lines],
    },
  ];
}
