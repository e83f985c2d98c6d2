// The states of a record with their results: those that the record holds, and those that a person let compute.
import type { EpochRecord, PhiResult } from "../data/types";
import type { AppState } from "./app";
import { shownSide } from "./app";
import type { Computation } from "./computation";

export interface Analysis {
  state: readonly number[];
  result: PhiResult;
  /** How often the state was visited; null where it was computed because a person asked for it. */
  visits: number | null;
  computation: Computation | null;
  /** Whether it is the state of the record's own result, which null, interval and the like are of. */
  first: boolean;
}

type Shown = Pick<AppState, "a" | "b" | "shown" | "computations">;

/** All states of the shown record that have a result. */
export function analysesOf(state: Shown): Analysis[] {
  const side = shownSide(state);
  const record = side?.record;
  if (!record) return [];
  const asked = state.computations.filter(
    ({ run, layer, epoch, formalism }) =>
      run === side.run.id && layer === record.layer && epoch === record.epoch && formalism === record.formalism,
  );
  return [
    ...record.states.map((one, at) => ({ ...one, computation: null, first: at === 0 })),
    ...asked.map((computation) => ({ ...computation, visits: null, computation, first: false })),
  ];
}

/** The one that is shown; null where the record has none. */
export const analysisOf = (state: Shown & Pick<AppState, "chosenState">): Analysis | null =>
  analysesOf(state)[state.chosenState] ?? null;

/** Which of them is the wanted one; else one in the same state, else the first. */
export function placeOf(analyses: readonly Analysis[], wanted: AppState["wanted"]): number {
  const same = analyses.findIndex(({ computation }) => computation && computation === wanted?.computation);
  return Math.max(0, same >= 0 ? same : analyses.findIndex(({ state }) => state.join() === wanted?.state.join()));
}

/** Its result, or that of the whole record where it has no states. */
export const resultOf = (record: EpochRecord, analysis: Analysis | null): PhiResult => analysis?.result ?? record.result;

/** Whether another record or another of its states is shown than before. */
export function isOtherAnalysis(state: AppState, before: AppState): boolean {
  const [now, then] = [shownSide(state), shownSide(before)];
  return (
    state === before ||
    now?.run !== then?.run ||
    now?.record !== then?.record ||
    state.chosenState !== before.chosenState ||
    state.computations !== before.computations
  );
}
