// Questions about a record, and about the network of a training as it is now.
import type { ComputeRequest, IndexRow, Told } from "../data/types";
import { statusWords } from "../scales/format";
import type { AppState } from "./app";
import type { Store } from "./store";

export interface Question {
  wanted: "phi" | "partitions";
  state: readonly number[];
  engine: string;
  /** Other units than those of the record. */
  units: readonly number[] | null;
  /** Where about more seconds are expected, the answer says how many; null for no such limit. */
  mostSeconds: number | null;
}

/** What a question without further wishes asks. */
export const PLAIN = { step: null, units: null, most_seconds: null };

export const requestOf = (
  of: { run: string; layer: string; epoch: number; formalism: string; step: number | null },
  { wanted, state, engine, units, mostSeconds }: Question,
): ComputeRequest => ({
  run: of.run,
  layer: of.layer,
  epoch: of.epoch,
  step: of.step,
  formalism: of.formalism as ComputeRequest["formalism"],
  state: [...state],
  engine,
  units: units && [...units],
  wanted,
  most_seconds: mostSeconds,
});

/** The row of the record that comes of a command, once it is there; or why there is none. */
export async function recordOf(
  store: Store<AppState>,
  { id }: Pick<Told, "id">,
  heard: (words: string) => void,
): Promise<IndexRow | string> {
  const run = store.state.a?.run.id;
  const answer = await once(store, (state) => {
    if (state.a?.run.id !== run) return "";
    const told = state.training?.told.find((one) => one.id === id && one.outcome);
    return told ?? (state.training?.phase === "ended" ? "The training has ended before it answered." : null);
  });
  if (typeof answer === "string") return answer;
  if (answer.outcome !== "done") return answer.answer;
  heard(answer.answer);
  const row = await once(store, (state) => {
    if (state.a?.run.id !== run) return "";
    return state.a?.whole.index?.steps.find((one) => answer.records.includes(one.file) && one.status !== "open") ?? null;
  });
  return typeof row === "string" || row.status === "computed" ? row : `${statusWords[row.status]}: ${row.reason}`;
}

/** What is found in the state, once it is there. */
function once<T>(store: Store<AppState>, find: (state: AppState) => T | null): Promise<T> {
  return new Promise((resolve) => {
    let end: (() => void) | null = null;
    let isFound = false;
    end = store.on(["training", "a"], (state) => {
      const found = find(state);
      if (found === null || isFound) return;
      isFound = true;
      end?.();
      resolve(found);
    });
    if (isFound) end();
  });
}
