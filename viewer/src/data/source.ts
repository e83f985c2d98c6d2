// Where records come from: the server that served the page, or the page itself.
import type { Asked } from "./results";
import type { AnswerList, ComputeRequest, EpochRecord, NetworkSnapshot, RunIndex, RunList, ScalarList } from "./types";

export interface Source {
  /** Whether new epochs can appear. */
  readonly live: boolean;
  runs(): Promise<RunList>;
  index(run: string): Promise<RunIndex>;
  record(run: string, layer: string, epoch: number): Promise<EpochRecord>;
  /** The record as its file has it, every number to the last digit. */
  recordText(run: string, layer: string, epoch: number): Promise<string>;
  network(run: string, epoch: number): Promise<NetworkSnapshot>;
  scalars(run: string): Promise<ScalarList>;
  /** For each layer whether training changed its Φ. */
  answers(run: string): Promise<AnswerList>;
  compute(request: ComputeRequest): Promise<Asked>;
}
