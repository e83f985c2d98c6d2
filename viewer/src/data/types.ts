// Names for the parts of the generated types that the front end speaks of.
import type {
  Answer,
  Computed,
  Distinction,
  EpochRecord,
  IndexRow,
  MajorComplex,
  NetworkLayer,
  NetworkSnapshot,
  RunIndex,
  RunInfo,
  Structure,
  SystemPhi,
} from "../generated/records";

export type {
  AnswerList,
  CommandRequest,
  ComputeRequest,
  Concept,
  Connections,
  Cut,
  InlineData,
  LiveStep,
  Partitions,
  RunList,
  ScalarList,
  Selection,
  StateResult,
  Told,
  TrainingState,
} from "../generated/records";
export type {
  Answer,
  Computed,
  Distinction,
  EpochRecord,
  IndexRow,
  MajorComplex,
  NetworkLayer,
  NetworkSnapshot,
  RunIndex,
  RunInfo,
  Structure,
  SystemPhi,
};
export type PhiResult = EpochRecord["result"];
export type Survey = NonNullable<EpochRecord["survey"]>;

/** Where the front end runs: a tab in TensorBoard, a page of its own, or a file that carries its data. */
export type Home = "tensorboard" | "page" | "export";

/** A neuron: the layer's name and the unit's index in the whole layer. */
export interface Unit {
  layer: string;
  index: number;
}
