// The sentences that belong to a record, beside its chips. A small window shows the first ones.

import type { EpochRecord } from "../data/types";
import { number } from "../scales/format";

const VIOLATED = "violated";

/** What the diagnostics say, those first that found a departure, the notes of the record, and what the network lost without some units. */
export const notes = (record: EpochRecord): string[] => [
  ...[...record.diagnostics]
    .sort((one, other) => Number(other.verdict === VIOLATED) - Number(one.verdict === VIOLATED))
    .flatMap(({ words }) => words || []),
  ...record.notes,
  ...(record.lesions ?? []).map(lesionWords),
];

/** What the network loses without some units: its first measure as it is, with the units set, and with random sets of others. */
function lesionWords({ part, to, measures, control_units: sets }: EpochRecord["lesions"][number]): string {
  const [first] = measures;
  if (!first) return "";
  const { name, before, after, controls } = first;
  const much = controls.filter((control) => Math.abs(control - before) >= Math.abs(after - before)).length;
  const set = { mean: "set to their mean", zero: "set to 0", resample: "set to values of other samples" }[to];
  const range = `${number(Math.min(...controls), 3)} to ${number(Math.max(...controls), 3)}`;
  const p = `p = ${number((1 + much) / (sets.length + 1), 3)}`;
  return `Lesion, ${part} ${set}: ${name} ${number(before, 3)}, then ${number(after, 3)}; with random sets of other units ${range}, ${p}.`;
}
