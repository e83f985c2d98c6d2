// What an index and a record have of one formalism, as if there were no other: the panels never see two of them at once.
import { hasPhi } from "../data/results";
import type { EpochRecord, IndexRow, RunIndex, Survey } from "../data/types";

export const FIRST = "iit3";
const NAMES: Record<string, string> = { iit3: "IIT 3.0", "iit4-2023": "IIT 4.0 (2023)", "iit4-2026": "IIT 4.0 (2026)" };

export const formalismName = (formalism: string): string => NAMES[formalism] ?? formalism;

export const isIIT4 = (formalism: string): boolean => formalism !== FIRST;

/** The symbol of the number that a formalism gives of a system. */
export const symbolOf = (formalism: string): string => (isIIT4(formalism) ? "φ_s" : "Φ");

/** The symbol with its unit, for the axis of a chart: Φ is an earth mover's distance. */
export const symbolWithUnit = (formalism: string): string => (isIIT4(formalism) ? "φ_s (ibits)" : "Φ (earth mover's distance)");

/** The formalisms that the records of a run have numbers of, 3.0 first. */
export function formalismsOf(index: RunIndex): string[] {
  const found = new Set(
    [...index.rows, ...index.steps].flatMap((row) => [row.formalism, ...row.others.map((one) => one.formalism)]),
  );
  found.delete(""); // of a record that cannot be read
  return [...Object.keys(NAMES).filter((name) => found.has(name)), ...[...found].filter((name) => !(name in NAMES))];
}

/** The formalism that is shown: the wanted one where the run has it, else its first. */
export function shownFormalism(index: RunIndex | null, wanted: string | null): string {
  const known = index ? formalismsOf(index) : [];
  return wanted !== null && known.includes(wanted) ? wanted : (known[0] ?? FIRST);
}

/** The index of a run whose records have this formalism only. */
export const indexOf = remembered((index: RunIndex, formalism: string): RunIndex => {
  const known = formalismsOf(index);
  const lacks = known.length > 0 && !known.includes(formalism);
  const rows = (all: IndexRow[]) => (lacks ? [] : all.flatMap((row) => rowOf(row, formalism) ?? []));
  return { ...index, rows: rows(index.rows), steps: rows(index.steps) };
});

function rowOf(row: IndexRow, formalism: string): IndexRow | null {
  if (row.formalism === formalism) return { ...row, others: [] };
  const other = row.others.find((one) => one.formalism === formalism);
  if (other) return { ...row, ...other, others: [] };
  // An analysis that has not ended, or broke, has no number of any formalism.
  return row.status === "computed" || row.phi_layer !== null ? null : { ...row, formalism };
}

/** The record of one formalism alone; null where it has none. Null, interval and the like are of its first formalism only. */
export const recordOf = remembered((record: EpochRecord, formalism: string): EpochRecord | null => {
  if (record.formalism === formalism) return { ...record, others: [] };
  const other = record.others.find((one) => one.formalism === formalism);
  if (!other) return hasPhi(record.result) || record.survey?.phi != null ? null : { ...record, formalism };
  const { notes, survey, ...own } = other;
  const nothing = { null: null, interval: null, curve: [], sensitivity: [], groups: [], moments: null, others: [] };
  return { ...record, ...own, ...nothing, notes: [...record.notes, ...notes], survey: withCounts(survey, record.survey) };
});

/** The survey of a further formalism with the counts of its groups, which the record has once. */
function withCounts(survey: Survey | null, own: Survey | null): Survey | null {
  if (!survey || survey.groups.length !== own?.groups.length) return survey;
  return { ...survey, groups: survey.groups.map((group, at) => ({ ...group, counts: own.groups[at]?.counts ?? null })) };
}

/** The same answer for the same question, so that what did not change is not drawn again. */
function remembered<From extends object, To>(make: (from: From, formalism: string) => To): (from: From, formalism: string) => To {
  const known = new WeakMap<From, Map<string, To>>();
  return (from, formalism) => {
    const of = known.get(from) ?? new Map<string, To>();
    known.set(from, of);
    if (!of.has(formalism)) of.set(formalism, make(from, formalism));
    return of.get(formalism) as To;
  };
}
