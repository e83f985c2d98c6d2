// What a person let compute beside what the records hold.
import type { Computed, Structure, SystemPhi } from "../data/types";

/** Φ of a record in a state, computed because a person asked for it. */
export interface Computation {
  run: string;
  layer: string;
  epoch: number;
  formalism: string;
  state: readonly number[];
  result: Computed | SystemPhi;
  /** Of IIT 4.0 the structure in this state, or why there is none. */
  structure?: Structure | null;
  why?: string;
}
