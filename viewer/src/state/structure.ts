// The cause-effect structure (IIT 4.0) of what is shown, or why there is none.
import type { Structure } from "../data/types";
import { isIIT4 } from "../scales/formalism";
import { analysisOf } from "./analysis";
import type { AppState } from "./app";
import { shownSide } from "./app";

/** The largest number of units of which a training computes the structure. */
const MOST_UNITS = 6;

/** Null where the shown record is of IIT 3.0, which has concepts instead. */
export function structureOf(state: AppState): { structure: Structure | null; reason: string } | null {
  const record = shownSide(state)?.record;
  if (!record || !isIIT4(record.formalism)) return null;
  const analysis = analysisOf(state);
  const computation = analysis?.computation;
  if (computation)
    return { structure: computation.structure ?? null, reason: computation.structure?.reason ?? computation.why ?? "" };
  if (record.structure && analysis && !analysis.first) {
    const first = record.states[0]?.state.join("") ?? "";
    const or = state.canCompute ? ", or compute this one below" : "";
    return { structure: null, reason: `The record holds the structure of state ${first} only: choose that state${or}.` };
  }
  if (record.structure) return { structure: record.structure, reason: record.structure.reason };
  const many = (record.units?.indices.length ?? 0) > MOST_UNITS;
  return {
    structure: null,
    reason: many ? `The structure is computed of up to ${MOST_UNITS} units.` : "No structure was computed.",
  };
}
