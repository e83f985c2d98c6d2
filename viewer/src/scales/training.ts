// How far a training is, in words.
import type { IndexRow, Told, TrainingState } from "../data/types";
import { symbolOf } from "./formalism";
import { count, number, phiText } from "./format";

export const phaseWords: Record<TrainingState["phase"], string> = {
  running: "Running",
  paused: "Paused",
  ending: "Ending",
  deaf: "Running",
  ended: "Ended",
  none: "No training",
};

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

/** The epoch, and the how many-th of how many it is. */
export function epochWords({ status }: TrainingState): string {
  if (!status) return "";
  const of = status.epochs === null ? "" : ` (${Math.min(status.epoch + 1, status.epochs)} of ${status.epochs})`;
  return `Epoch ${status.epoch}${of}`;
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
    ...(isAlive ? [{ name: "Waiting", text: count(status.waiting), title: "Analyses that have no result yet" }] : []),
    ...(isAlive && age > OLD ? [{ name: "As of", text: `${duration(age)} ago`, title: "It says so after each batch" }] : []),
  ];
}

/** Why there is nothing to command, or what else is to be said; empty where all is usual. */
export function remark(training: TrainingState, mayCommand: boolean): string {
  const { phase, status } = training;
  if (phase === "none") return "This run tells nothing of its training, so there is nothing to control.";
  if (phase === "ended" && status && !isOfNow(training)) {
    const where = epochWords(training).replace("Epoch", "epoch");
    return `No training runs here any more. When it was last looked at, it was in ${where}, at step ${count(status.step)}.`;
  }
  if (phase === "ended") return "No training runs here any more.";
  if (phase === "deaf") return "This training takes no commands: it has control=False, or its first batch is still to come.";
  if (phase === "ending") return "Its last step is made; the analyses that wait are computed.";
  if (!mayCommand) return "To send commands, open the address that the server has printed, with its token.";
  if (!status) return "It says how far it is after its next batch.";
  return status.ends ? "It ends after this epoch." : "";
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
