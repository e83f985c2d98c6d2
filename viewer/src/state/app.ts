// What the page shows, and how it moves when a run is picked, an epoch appears or a person chooses something.
import type {
  Answer,
  EpochRecord,
  LiveStep,
  NetworkSnapshot,
  RunIndex,
  RunInfo,
  ScalarList,
  TrainingState,
  Unit,
} from "../data/types";
import { epochsOf, layersOf } from "../scales/curve";
import { FIRST, formalismName, formalismsOf, indexOf, recordOf, shownFormalism, symbolOf } from "../scales/formalism";
import type { Pose } from "../scene/camera";
import type { Beat } from "../scene/pulses";
import type { Computation } from "./computation";

/** One of the (at most two) runs that are looked at. */
export interface Side {
  run: RunInfo;
  index: RunIndex | null;
  record: EpochRecord | null;
  network: NetworkSnapshot | null;
  /** The newest snapshot: its largest weights are what thickness is measured by in every epoch. */
  reference: NetworkSnapshot | null;
  recordProblem: string;
  networkProblem: string;
  scalars: ScalarList | null;
  /** For each layer whether training changed its Φ. */
  answers: readonly Answer[];
  /** What the source gave; index, record and answers above are what of it is of the shown formalism. */
  whole: { index: RunIndex | null; record: EpochRecord | null; answers: readonly Answer[] };
}

export interface AppState {
  title: string;
  runs: RunInfo[];
  leftOut: number;
  canCompute: boolean;
  /** Whether the server takes commands to trainings. */
  canControl: boolean;
  /** Whether the server tells what is new. */
  canPush: boolean;
  /** How far the training of the first run is; null until the server has said so. */
  training: TrainingState | null;
  /** What the units of the first run do in its training now; null where nothing is known. */
  now: LiveStep | null;
  /** The names of the engines that the command line and the server know. */
  engines: readonly string[];
  loaded: boolean;
  problem: string;
  a: Side | null;
  b: Side | null;
  /** Whose record the panels on the right show. */
  shown: "a" | "b";
  /** The formalism that everything on the page is of. */
  formalism: string;
  /** The formalism that a person chose; it is shown in every run that has it. */
  wantedFormalism: string | null;
  layer: string | null;
  /** The layer that a person chose; it is shown in every run that has it. */
  wantedLayer: string | null;
  epoch: number | null;
  follow: boolean;
  /** The epoch of the second run; null where it is that of the first. */
  against: number | null;
  /** Which of the states of the shown record is shown: those that it holds, then those that were computed on request. */
  chosenState: number;
  /** The state that a person chose, ON and OFF of each unit; it is shown in every record that has it. */
  wanted: { state: readonly number[]; computation: Computation | null } | null;
  /** What was computed on request, of all records. */
  computations: readonly Computation[];
  unit: Unit | null;
  /** System units (0 = A) that are lit up: a concept or unit that is hovered. */
  lit: { mechanism: number[]; cause: number[]; effect: number[] } | null;
  step: number;
  /** Where the pulses of activity are within the step; null where nothing was played. */
  beat: Beat;
  playing: boolean;
  speed: number;
  metrics: boolean;
  /** The indexes of all runs, where their band is shown. */
  seeds: readonly { name: string; index: RunIndex }[] | null;
  /** Whether the curve has a logarithmic axis. */
  log: boolean;
  /** Of how many epochs the line of the curve is the running mean; 1 is the line as it is. */
  smooth: number;
  /** The first and the last epoch that the curve shows; null is all. */
  zoom: readonly [number, number] | null;
  /** Whether the curve shows Φ of the shown group beside that of the layer. */
  group: boolean;
  /** Whether the list of all layers lies over the page. */
  overview: boolean;
  /** Whether the tour lies over the page. */
  tour: boolean;
  theme: "light" | "dark";
  /** The card that a narrow window shows; null is the first. */
  tab: string | null;
  /** Where a person turned the network to; null is the view of all of it. */
  camera: Pose | null;
  /** What the address asks for that is not there, in words. */
  missing: string;
}

export const firstState = (theme: "light" | "dark"): AppState => ({
  title: "",
  runs: [],
  leftOut: 0,
  canCompute: false,
  canControl: false,
  canPush: false,
  training: null,
  now: null,
  engines: [],
  loaded: false,
  problem: "",
  a: null,
  b: null,
  shown: "a",
  formalism: FIRST,
  wantedFormalism: null,
  layer: null,
  wantedLayer: null,
  epoch: null,
  follow: true,
  against: null,
  chosenState: 0,
  wanted: null,
  computations: [],
  unit: null,
  lit: null,
  step: 0,
  beat: null,
  playing: false,
  speed: 1,
  metrics: false,
  seeds: null,
  log: false,
  smooth: 1,
  zoom: null,
  group: false,
  overview: false,
  tour: false,
  theme,
  tab: null,
  camera: null,
  missing: "",
});

export const newSide = (run: RunInfo): Side => ({
  run,
  index: null,
  record: null,
  network: null,
  reference: null,
  recordProblem: "",
  networkProblem: "",
  scalars: null,
  answers: [],
  whole: { index: null, record: null, answers: [] },
});

/** A side with what its run has of one formalism, and with nothing of the others. */
export function inFormalism(side: Side, formalism: string): Side {
  const { index, record, answers } = side.whole;
  const known = index ? formalismsOf(index) : [];
  const shown = record && recordOf(record, formalism);
  const lacking = known.length > 0 && !known.includes(formalism) ? "run" : record && !shown ? "record" : "";
  return {
    ...side,
    index: index && indexOf(index, formalism),
    record: shown,
    recordProblem: lacking ? `This ${lacking} has no ${symbolOf(formalism)} of ${formalismName(formalism)}.` : side.recordProblem,
    answers: answers.filter((answer) => answer.formalism === formalism),
  };
}

/** The formalism that is shown, and of both sides what they have of it. */
export function settledFormalism(state: AppState): Pick<AppState, "formalism" | "wantedFormalism" | "a" | "b"> {
  const { wantedFormalism, a, b } = state;
  const formalism = shownFormalism(a?.whole.index ?? null, wantedFormalism);
  return { formalism, wantedFormalism, a: a && inFormalism(a, formalism), b: b && inFormalism(b, formalism) };
}

/** Whether the first network shows what its training does now, not what was recorded. */
export const isLive = (state: Pick<AppState, "now" | "follow" | "playing">): boolean =>
  state.now !== null && state.follow && !state.playing;

/** The side whose record the panels show. */
export const shownSide = (state: Pick<AppState, "a" | "b" | "shown">): Side | null =>
  state.shown === "b" && state.b ? state.b : state.a;

/** Of which kind the numbers of the shown record are. */
export const shownKind = (state: Pick<AppState, "a" | "b" | "shown">) => shownSide(state)?.record?.kind;

/** The epoch of a side: that of the second may be another. */
export const epochOf = (state: Pick<AppState, "epoch" | "against">, which: "a" | "b"): number | null =>
  which === "b" ? (state.against ?? state.epoch) : state.epoch;

/** Layer and epoch after an index has come: the newest while following, else what was chosen if it is still there. */
export function settle(state: Pick<AppState, "a" | "b" | "layer" | "epoch" | "follow">): {
  layer: string | null;
  epoch: number | null;
} {
  const index = state.a?.index;
  if (!index) return { layer: state.layer, epoch: state.epoch };
  const layers = layersOf(index);
  const layer = state.layer !== null && layers.includes(state.layer) ? state.layer : (bestLayer(index, layers) ?? null);
  const epochs = epochsOf(index, state.b?.index);
  const newest = newestEpoch(index, layer) ?? epochs[epochs.length - 1] ?? null;
  const epoch = state.follow || state.epoch === null ? newest : nearest(epochs, state.epoch);
  return { layer, epoch };
}

/** The layer to begin with: one that has connections among its units, then the one with the largest Φ. */
export function bestLayer(index: RunIndex, layers: readonly string[]): string | undefined {
  const worth = (layer: string): number => {
    const rows = index.rows.filter((row) => row.layer === layer && row.status === "computed");
    const kind = rows.some((row) => row.kind === "causal") ? 2e6 : rows.some((row) => row.kind === "observational") ? 1e6 : 0;
    return kind + Math.max(0, ...rows.map((row) => row.phi_layer ?? row.phi ?? 0));
  };
  return [...layers].sort((a, b) => worth(b) - worth(a))[0];
}

/** The newest epoch of a layer whose Φ was computed, or else its newest. */
export function newestEpoch(index: RunIndex, layer: string | null): number | null {
  const rows = index.rows.filter((row) => row.layer === layer);
  const epochs = rows.map((row) => row.epoch);
  return epochs.length ? Math.max(...epochs) : null;
}

export function nearest(epochs: readonly number[], wanted: number): number | null {
  let best: number | null = null;
  for (const epoch of epochs) if (best === null || Math.abs(epoch - wanted) < Math.abs(best - wanted)) best = epoch;
  return best;
}

/** The epoch before or after one, staying at the ends. */
export function stepEpoch(epochs: readonly number[], current: number | null, by: number): number | null {
  if (!epochs.length) return null;
  const at = current === null ? epochs.length - 1 : epochs.indexOf(nearest(epochs, current) as number);
  return epochs[Math.min(epochs.length - 1, Math.max(0, at + by))] ?? null;
}

/** The name under which a network layer was analysed: its own or that of an activation after it. */
export function analysedName(layer: { name: string; aliases: string[] }, index: RunIndex | null): string | null {
  const known = new Set(index?.rows.map((row) => row.layer) ?? []);
  return [layer.name, ...layer.aliases].find((name) => known.has(name)) ?? null;
}

/** Whether a network layer is the one whose record is shown. */
export function isShownLayer(state: AppState, name: string): boolean {
  const side = shownSide(state);
  const layer = side?.network?.layers.find((known) => known.name === name);
  return name === state.layer || (layer !== undefined && analysedName(layer, side?.index ?? null) === state.layer);
}
