// How far a training is, in words.
import type { IndexRow, Told, TrainingState } from "../data/types";
import { symbolOf } from "./formalism";
import { count, epochName, number, phiText } from "./format";

export const phaseWords: Record<TrainingState["phase"], string> = {
  running: "Running",
  paused: "Paused",
  ending: "Ending",
  deaf: "Running",
  ended: "Ended",
  none: "No training",
};

/** Whether a training has made its last step and said so, and no error was the reason. */
const hasEndedWell = ({ status }: TrainingState): boolean => status?.pace === "ending" && !status.broken;

/** What a training does, in a word or two; the same words as in the studio's list. */
export const phaseOf = (training: TrainingState): string =>
  training.phase === "ended" && hasEndedWell(training) ? "Done" : phaseWords[training.phase];

/** A status that is older, in seconds, is said to be so. */
const OLD = 5;
/** So many other runs are named. */
const MOST_OTHERS = 4;

/** A length of time as people say it. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

/** Whether a training looks for commands. */
export const takesCommands = ({ phase }: TrainingState): boolean => phase === "running" || phase === "paused";

/** Whether what a training said last is still so: while nobody looks it says nothing, so one may have ended long after. */
export const isOfNow = ({ phase, status }: TrainingState): boolean =>
  phase !== "none" && (phase !== "ended" || status?.pace === "ending");

/** The part of the training that is done, from 0 to 1; null where its length is not known. */
export function part({ status }: TrainingState): number | null {
  if (!status) return null;
  const inEpoch = status.batches ? status.batch / status.batches : 0;
  const parts = [
    ...(status.epochs === null ? [] : [(status.epoch + inEpoch) / Math.max(1, status.epochs)]),
    ...(status.steps === null ? [] : [status.step / Math.max(1, status.steps)]),
  ];
  return parts.length ? Math.min(1, Math.max(...parts)) : null;
}

/** An epoch as records name it, from 0 on, and the how many-th of how many it is. */
export const epochOf = (epoch: number, epochs: number | null): string =>
  `Epoch ${epoch}${epochs === null ? "" : ` (${Math.min(epoch + 1, epochs)} of ${epochs})`}`;

/** How many epochs were made, of how many. */
export const madeOf = (made: number, epochs: number | null): string =>
  epochs === null ? `${made} ${made === 1 ? "epoch" : "epochs"}` : `${made} of ${epochs} epochs`;

/** The epoch that a training is in; of one that makes no step any more how many epochs it has made. */
export function epochWords(training: TrainingState): string {
  const { status } = training;
  if (!status) return "";
  if (!hasEndedWell(training)) return epochOf(status.epoch, status.epochs);
  const isWhole = status.batches === null || status.batch >= status.batches;
  return `${madeOf(status.epoch, status.epochs)}${isWhole ? "" : ", the last in part"}`;
}

export interface Fact {
  name: string;
  text: string;
  title?: string;
}

/** What is known of a training, beside its epoch. */
export function facts(training: TrainingState): Fact[] {
  const { status, age } = training;
  if (!status) return [];
  const isAlive = takesCommands(training);
  return [
    { name: "Step", text: count(status.step) },
    { name: "Batch loss", text: number(status.loss) },
    ...(isAlive && status.seconds_left !== null
      ? [{ name: "Left", text: duration(status.seconds_left), title: "About how long, at the pace since the training began" }]
      : []),
    ...(isAlive ? [{ name: "Analyses waiting", text: count(status.waiting), title: "Analyses of Φ that have no result yet" }] : []),
    ...(isAlive && age > OLD ? [{ name: "As of", text: `${duration(age)} ago`, title: "It says so after each batch" }] : []),
  ];
}

/** Why there is nothing to command, or what else is to be said; empty where all is usual. */
export function remark(training: TrainingState, mayCommand: boolean, rows: readonly IndexRow[] = []): string {
  const { phase, status } = training;
  if (phase === "none") return "This run tells nothing of its training, so there is nothing to control.";
  if (phase === "ended") {
    if (hasEndedWell(training)) return "";
    if (status?.broken) return "An error or an interrupt ended this training.";
    return `No training runs here any more.${lastWords(rows)}`;
  }
  if (phase === "deaf") return "This training takes no commands: it has control=False, or its first batch is still to come.";
  if (phase === "ending") return "Its last step is made; the analyses that wait are computed.";
  if (!mayCommand) return "To send commands, open the address that the server has printed, with its token.";
  if (!status) return "It says how far it is after its next batch.";
  return status.ends ? "It ends after this epoch." : "";
}

/** How the page and what it shows are joined: the kind of its mark, and the words. Only a training that runs is live. */
export function liveness(isServed: boolean, isLost: boolean, phase: TrainingState["phase"] | undefined): [string, string] {
  if (!isServed) return ["off", "file"];
  if (isLost) return ["lost", "no answer"];
  if (phase === "ended") return ["off ended", "ended"];
  return phase === undefined || phase === "none" ? ["on", "connected"] : ["on", "live"];
}

/** Of a training that has not said how it ended, what its records say: nobody may have looked at it for long. */
function lastWords(rows: readonly IndexRow[]): string {
  const last = rows.reduce<IndexRow | null>((found, one) => (found && found.global_step >= one.global_step ? found : one), null);
  return last ? ` Its last record is of ${epochName(last.epoch)}, step ${count(last.global_step)}.` : "";
}

/** The other runs whose trainings are running, where that of this run is not. */
export const elsewhere = (training: TrainingState): readonly string[] =>
  training.phase === "none" || training.phase === "ended" ? training.others.slice(0, MOST_OTHERS) : [];

/** Φ of the records that a command has made, as far as they are there. */
export function phiOf(told: Told, rows: readonly IndexRow[]): string {
  const found = rows.filter((row) => told.records.includes(row.file));
  return found
    .map((row) => `${row.layer}: ${symbolOf(row.formalism)} ${row.status === "open" ? "waits" : phiText(row.phi_layer ?? row.phi)}`)
    .join("; ");
}

/** The points of a line through the last values, in a box of a size; empty for fewer than two. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return "";
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value: number) => (high > low ? (1 - (value - low) / (high - low)) * (height - 2) + 1 : height / 2);
  return values.map((value, at) => `${((at / (values.length - 1)) * width).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
}

/** The numbers in a text, in the order in which they stand; null where it holds anything else. */
export function unitNumbers(text: string): number[] | null {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  return parts.every((part) => /^\d{1,9}$/.test(part)) ? parts.map(Number) : null;
}
