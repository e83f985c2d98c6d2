// Numbers and words of the studio, without a page.
import type { Field, JobState, LayerCourse } from "../generated/studio";
import { formalismName, isIIT4, symbolOf } from "../scales/formalism";
import { count, phiText } from "../scales/format";
import { epochOf, madeOf } from "../scales/training";

export const PHASES: Record<JobState["phase"], string> = {
  waiting: "Waiting",
  running: "Running",
  paused: "Paused",
  ending: "Last analyses",
  done: "Done",
  stopped: "Stopped",
  failed: "Failed",
  killed: "Killed",
};
const MOST_SEEDS = 20;

/** Whether a training can still be stopped. */
export const isAlive = ({ phase }: Pick<JobState, "phase">): boolean => ["waiting", "running", "paused", "ending"].includes(phase);

/** Seeds as a person writes them, "0, 1, 5-7"; null where that cannot be read. */
export function seedsOf(text: string): number[] | null {
  const found: number[] = [];
  for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
    const [, first, last] = /^(\d{1,9})(?:[-–](\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined) return null;
    const [from, to] = [Number(first), Number(last ?? first)];
    if (to < from || to - from >= MOST_SEEDS) return null;
    for (let seed = from; seed <= to; seed++) found.push(seed);
  }
  return found.length && found.length <= MOST_SEEDS && new Set(found).size === found.length ? found : null;
}

/** A default, as it is shown and as a person would write it. */
export const shown = (value: unknown): string =>
  value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);

/** What is written in a field as the server takes it; undefined where nothing is, or the default. */
export function filledValue(field: Field, text: string): unknown {
  const written = text.trim();
  if (!written || written === shown(field.default)) return undefined;
  const isNumber = field.type === "integer" || field.type === "number";
  return isNumber && Number.isFinite(Number(written)) ? Number(written) : written;
}

/** How a field is called. */
export const labelOf = (name: string): string => name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

/** How far a training is, from 0 to 1. */
export function part({ epoch, epochs, phase }: Pick<JobState, "epoch" | "epochs" | "phase">): number {
  if (phase === "done") return 1;
  return epoch === null ? 0 : Math.min(1, epoch / Math.max(1, epochs));
}

/** The epoch that a training is in; of one that has made its last step how many epochs, and where known the step. */
export function epochWords({ epoch, epochs, phase, step }: Pick<JobState, "epoch" | "epochs" | "phase" | "step">): string {
  if (epoch === null) return `${epochs} epochs`;
  const all = Math.max(epochs, epoch + 1);
  if (phase !== "done" && phase !== "ending") return epochOf(epoch, all);
  return madeOf(epoch + 1, all) + (step === null ? "" : ` · step ${count(step)}`);
}

/** What a training without any Φ does; empty for one that waits or has ended. */
export function comingWords({ phase, epoch, courses }: Pick<JobState, "phase" | "epoch" | "courses">): string {
  if (courses.length || phase === "waiting" || !isAlive({ phase })) return "";
  return epoch === null ? "It begins: its first step comes in some seconds." : "Φ comes when its first analysis has ended.";
}

/** Φ of a layer now, and untrained. */
export function phiWords({ epochs, phis, kind, formalism }: LayerCourse): { now: string; words: string } {
  const [now, theory] = [phis.at(-1), formalismName(formalism)];
  if (now === undefined) return { now: "–", words: "" };
  const last = epochs.at(-1) ?? 0;
  // It may be of an earlier epoch than the loss beside it.
  const first = last < 0 ? ", untrained" : `, epoch ${last}${epochs[0] === -1 ? `, ${phiText(phis[0])} untrained` : ""}`;
  if (kind === "statistical")
    return { now: "0 by structure", words: `${symbolOf(formalism)} counted from the data ${phiText(now)}${first} (${theory})` };
  return { now: phiText(now), words: `${kind}, ${theory}${first}` };
}

/** What the number of a layer is, in which unit, and of which epochs the line beside it is. */
export function courseWords({ epochs, kind, formalism }: LayerCourse): string {
  const unit = isIIT4(formalism) ? "in ibits" : "an earth mover's distance";
  const [first, last] = [epochs[0], epochs.at(-1)];
  const line =
    epochs.length > 1 ? `; the line goes from ${first === -1 ? "the untrained network" : `epoch ${first}`} to epoch ${last}` : "";
  return `${symbolOf(formalism)} of the layer, ${kind}, ${formalismName(formalism)}, ${unit}${line}.`;
}

/** When something was, as a clock and, of another day, a date. */
export function whenWords(seconds: number, now: Date = new Date()): string {
  const date = new Date(seconds * 1000);
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === now.toDateString() ? clock : `${date.toLocaleDateString("en-CA")} ${clock}`;
}
