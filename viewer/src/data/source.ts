// Where records come from: the server that served the page, or the page itself.
import type { AnswerList, ComputeRequest, EpochRecord, NetworkSnapshot, PhiResult, RunIndex, RunList, ScalarList } from "./types";

export interface Source {
  /** Whether new epochs can appear. */
  readonly live: boolean;
  runs(): Promise<RunList>;
  index(run: string): Promise<RunIndex>;
  record(run: string, layer: string, epoch: number): Promise<EpochRecord>;
  network(run: string, epoch: number): Promise<NetworkSnapshot>;
  scalars(run: string): Promise<ScalarList>;
  /** For each layer whether training changed its Φ. */
  answers(run: string): Promise<AnswerList>;
  compute(request: ComputeRequest): Promise<PhiResult>;
}
