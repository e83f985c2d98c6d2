// What stands beside Φ: chips, those of the layer apart from those of the group of units that the panels show.
import type { EpochRecord, Survey } from "../data/types";
import { symbolOf } from "../scales/formalism";
import { groupPhis } from "../scales/survey";
import type { Analysis } from "../state/analysis";
import { resultOf } from "../state/analysis";
import type { Chip } from "./chip";
import { surveyOf, unitsOf } from "./chip";
import { coverage, engine, groupPhiChip, interval, majorComplex, nullChip, reducible, sensitivity, source, system } from "./group";
import { analysedStates, groupsOf, kind, layerInterval, olderGroups } from "./layer";

/** Chips that are about one thing, with two lines that say about which; no lines where all chips are about the same. */
export interface ChipSet {
  of: "layer" | "group" | "all";
  title: [string, string] | null;
  chips: Chip[];
}

/** The chips of a record, of which one of its states is shown. */
export function chipSets(record: EpochRecord, shown: Analysis | null): ChipSet[] {
  const survey = surveyOf(record);
  if (!survey) return [{ of: "all", title: null, chips: ofOneGroup(record, shown) }];
  const [first] = survey.groups;
  const state = shown ? ` in ${shown.state.join("")}` : "";
  return [
    {
      of: "layer",
      title: ["the layer", groupsWithPhi(survey)],
      chips: [kind(record), layerInterval(record, survey), ...analysedStates(record), groupsOf(record, survey)],
    },
    {
      of: "group",
      title: ["shown group", `${first ? unitsOf(first) : ""}${state}`],
      chips: [
        groupPhiChip(record, shown, symbolOf(record.formalism)),
        ...system(record, resultOf(record, shown)),
        ...interval(record, shown),
        ...reducible(record, shown),
        nullChip(record, shown),
        ...sensitivity(record, shown),
        ...coverage(record),
        ...source(record),
        ...majorComplex(record, shown),
        engine(record, resultOf(record, shown)),
      ],
    },
  ];
}

/** Where the number before the chips is of one group of units alone, there is nothing that could be told apart. */
function ofOneGroup(record: EpochRecord, shown: Analysis | null): Chip[] {
  const survey = record.result.status === "open" ? null : record.survey;
  const state = shown ? ` in ${shown.state.join("")}` : "";
  const means = survey?.low != null && survey.high != null ? [layerInterval(record, survey)] : [];
  const single = means.length ? [] : interval(record, shown);
  const none = survey && !single.length && !means.length ? [layerInterval(record, survey)] : [];
  // Beside a mean over states it is said of which state a number is.
  const inState = (chip: Chip): Chip => (survey ? { ...chip, name: `${chip.name}${state}` } : chip);
  return [
    kind(record),
    ...system(record, resultOf(record, shown)),
    ...(survey ? [groupPhiChip(record, shown, `${symbolOf(record.formalism)}${state}`)] : []),
    ...means,
    ...single.map(inState),
    ...none,
    ...reducible(record, shown).map((chip) => ({ ...chip, name: `${chip.name}${state}` })),
    record.null && (!shown || shown.first) ? inState(nullChip(record, shown)) : nullChip(record, shown),
    ...sensitivity(record, shown).map(inState),
    ...majorComplex(record, shown),
    ...olderGroups(record),
    ...source(record),
    ...coverage(record),
    engine(record, resultOf(record, shown)),
  ];
}

/** How many groups the Φ of the layer is the mean of; of how many, where some have none. */
function groupsWithPhi(survey: Survey): string {
  const [known, all] = [groupPhis(survey).length, survey.groups.length];
  return known === 0 || known === all ? `${all} groups` : `${known} of ${all} groups`;
}
