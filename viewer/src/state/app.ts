// What the page shows, and how it moves when a run is picked, an epoch appears or a person chooses something.
import type { Answer, Computed, EpochRecord, NetworkSnapshot, RunIndex, RunInfo, ScalarList, Unit } from "../data/types";
import { epochsOf, layersOf } from "../scales/curve";

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
}

export interface AppState {
  title: string;
  runs: RunInfo[];
  leftOut: number;
  canCompute: boolean;
  /** The names of the engines that the command line and the server know. */
  engines: readonly string[];
  loaded: boolean;
  problem: string;
  a: Side | null;
  b: Side | null;
  /** Whose record the panels on the right show. */
  shown: "a" | "b";
  layer: string | null;
  epoch: number | null;
  follow: boolean;
  /** Which of the record's analysed states is shown. */
  chosenState: number;
  /** The analysed state that a person chose, ON and OFF of each unit; it is shown in every record that has it. */
  wantedState: readonly number[] | null;
  unit: Unit | null;
  /** System units (0 = A) that are lit up: a concept or unit that is hovered. */
  lit: { mechanism: number[]; cause: number[]; effect: number[] } | null;
  step: number;
  playing: boolean;
  speed: number;
  metrics: boolean;
  /** Whether the curve shows Φ of the shown group beside that of the layer. */
  group: boolean;
  theme: "light" | "dark";
}

export const firstState = (theme: "light" | "dark"): AppState => ({
  title: "",
  runs: [],
  leftOut: 0,
  canCompute: false,
  engines: [],
  loaded: false,
  problem: "",
  a: null,
  b: null,
  shown: "a",
  layer: null,
  epoch: null,
  follow: true,
  chosenState: 0,
  wantedState: null,
  unit: null,
  lit: null,
  step: 0,
  playing: false,
  speed: 1,
  metrics: false,
  group: false,
  theme,
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
});

/** The side whose record the panels show. */
export const shownSide = (state: Pick<AppState, "a" | "b" | "shown">): Side | null =>
  state.shown === "b" && state.b ? state.b : state.a;

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

/** Which of the record's analysed states is the wanted one; the first where the record has no such state. */
export const stateIn = (record: EpochRecord | null | undefined, wanted: readonly number[] | null): number =>
  Math.max(0, record?.states.findIndex(({ state }) => state.join() === wanted?.join()) ?? 0);

/** The result of one of the record's analysed states, or that of the whole record where it has none. */
export const resultOf = (record: EpochRecord, chosen: number): EpochRecord["result"] =>
  record.states[chosen]?.result ?? record.result;

export const computed = (result: EpochRecord["result"]): Computed | null => (result.status === "computed" ? result : null);
