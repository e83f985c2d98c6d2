// A question to a past epoch about other units than those of its record: what can answer it, and the command line that asks it.
import type { EpochRecord, RunInfo } from "../data/types";

/** As a shell takes it: in single quotes where it holds more than plain characters. */
export const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

/** The command for other units than those of the record: of a run in a folder it can be answered from a checkpoint, too. */
export function questionLine(run: RunInfo, record: EpochRecord, file: string, units: readonly number[], rest: string): string {
  const asked = `--units ${units.join(",")} ${rest}`;
  if (run.tracking_uri) return `lightning-iit phi ${quoted(`./${file.slice(file.lastIndexOf("/") + 1)}`)} ${asked}`;
  const where = `${quoted(run.path || "RUN_DIRECTORY")} --epoch ${record.epoch} --layer ${quoted(record.layer)}`;
  return `lightning-iit phi ${where} ${asked}`;
}

/** The command that asks the training about other units, as they are now. */
export const nowLine = (
  run: RunInfo,
  { layer }: EpochRecord,
  units: readonly number[],
  state: readonly number[],
  formalism: string,
): string =>
  `lightning-iit control ${quoted(run.path || "RUN_DIRECTORY")} analyse --layer ${quoted(layer)} --units ${units.join(",")} ` +
  `--state ${state.join("")}${formalism ? ` --formalism ${formalism}` : ""}`;

/** Whether one recorded group has all of these units, so that the record answers. */
export const isRecorded = ({ units, survey, counts }: EpochRecord, asked: readonly number[]): boolean => {
  const groups = [
    ...(units && counts ? [units] : []),
    ...(survey?.groups ?? []).slice(1).flatMap((one) => (one.counts ? [one.units] : [])),
  ];
  return groups
    .filter(({ bits, clusters }) => bits === 1 && clusters.length === 0)
    .some(({ indices }) => asked.every((unit) => indices.includes(unit)));
};

/** What a question to this epoch about other units can be answered from. */
export const askedWords = (record: EpochRecord, asked: readonly number[]): string =>
  isRecorded(record, asked)
    ? "One recorded group has all of these units: it is answered from the record, here and by the command."
    : "No recorded group has all of these units. With a checkpoint of this epoch in the run, add --model MODULE:CLASS --data MODULE:NAME.";
