// Where records come from: the server that served the page, or the page itself.
import type { Asked } from "./results";
import type { Hearing } from "./stream";
import type {
  AnswerList,
  CommandRequest,
  ComputeRequest,
  EpochRecord,
  NetworkSnapshot,
  RunIndex,
  RunList,
  ScalarList,
  Told,
} from "./types";

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
  /** Has somebody hear what is new of some runs; the answer ends it. */
  follow?(runs: readonly string[], hearing: Hearing): () => void;
  /** Sends a command to the training of a run; its answer comes later. */
  command?(request: CommandRequest): Promise<Told>;
  /** Whether this page has what the server asks for with a command. */
  readonly mayCommand?: boolean;
}
