// Generated from the Python structs by `npm run types`. Do not edit.

export interface Everything {
  AnswerList?: AnswerList;
  CommandRequest?: CommandRequest;
  ComputeRequest?: ComputeRequest;
  EpochRecord?: EpochRecord;
  InlineData?: InlineData;
  LiveStep?: LiveStep;
  NetworkSnapshot?: NetworkSnapshot;
  Partitions?: Partitions;
  Problem?: Problem;
  RunIndex?: RunIndex;
  RunList?: RunList;
  ScalarList?: ScalarList;
  Told?: Told;
  TrainingState?: TrainingState;
}
export interface AnswerList {
  answers: Answer[];
}
export interface Answer {
  epoch: number;
  formalism: string;
  layer: string;
  to: number;
  words: string;
}
export interface CommandRequest {
  epochs: number | null;
  formalism: ("iit3" | "iit4-2023" | "iit4-2026") | null;
  layer: string | null;
  run: string;
  state: string | null;
  to: ("mean" | "resample" | "zero") | null;
  units: number[] | null;
  verb: "analyse" | "epochs" | "lesion" | "pause" | "resume" | "stop" | "stop-now" | "watch";
  watch: Selection | null;
}
export interface Selection {
  formalism: ("iit3" | "iit4-2023" | "iit4-2026")[] | null;
  groups: number | "auto" | null;
  layers: string[] | null;
  null_model: ("auto" | "cut" | "none" | "shuffle") | null;
  surrogates: number | null;
  units: number | "auto" | number[] | null;
}
export interface ComputeRequest {
  engine: string;
  epoch: number;
  formalism: ("iit3" | "iit4-2023" | "iit4-2026") | null;
  layer: string;
  most_seconds: number | null;
  run: string;
  state: number[];
  step: number | null;
  units: number[] | null;
  wanted: "partitions" | "phi" | "structure";
}
export interface EpochRecord {
  axis: "depth" | "patch" | "stream" | "time" | "token";
  backlog: number;
  counts: Counts | null;
  curve: CurvePoint[];
  diagnostics: Diagnostic[];
  epoch: number;
  formalism: string;
  global_step: number;
  groups: GroupResult[];
  interval: Interval | null;
  kind: "causal" | "observational" | "statistical";
  layer: string;
  left_out: number;
  lesions: LesionRecord[];
  major_complex: MajorComplex | null;
  moments: Moments | null;
  notes: string[];
  null: NullResult | null;
  observed: Counts | null;
  observed_thresholds: Thresholds | null;
  others: OfFormalism[];
  perturbation: Perturbation | null;
  provenance: Provenance;
  result: Computed | SystemPhi | TimedOut | Failed | Skipped | Open;
  scalars: {
    [k: string]: number;
  };
  schema_version: number;
  sensitivity: ThresholdPoint[];
  state_order: string;
  states: StateResult[];
  step: number | null;
  structural_phi: number | null;
  structural_reason: string;
  structure: Structure | null;
  survey: Survey | null;
  task: PhiTask | null;
  thresholds: Thresholds | null;
  tpm: TpmRecord | null;
  units: Units | null;
  wall_time: number;
  whole: WholeLayer | null;
}
export interface Counts {
  joint: [number, number, number][];
  on: number[][];
  visits: number[];
}
export interface CurvePoint {
  high: number;
  low: number;
  mean: number;
  subsamples: number;
  transitions: number;
}
export interface Diagnostic {
  name: string;
  p: number | null;
  unit: string;
  value: number | null;
  verdict: string;
  words: string;
}
export interface GroupResult {
  counts: Counts | null;
  perturbation: Perturbation | null;
  result: Computed | SystemPhi | TimedOut | Failed | Skipped | Open;
  state: number[] | null;
  thresholds: Thresholds | null;
  units: Units;
  visits: number;
}
export interface Perturbation {
  background: string;
  between: number[][][];
  cm: number[][] | null;
  draws: number;
  observed: number[];
  off: number[][];
  on: number[][];
  seed: number;
  sequences: number | null;
}
export interface Computed {
  concepts: Concept[];
  cut: Cut | null;
  cuts_evaluated: number;
  engine: EngineInfo;
  partitioned_concepts: Concept[];
  phi: number;
  phi_jitter: [number, number] | null;
  phi_margin: number | null;
  reason: string;
  seconds: number;
  status: "computed";
  tied_purviews: number[][] | null;
}
export interface Concept {
  cause_phi: number;
  cause_purview: number[];
  cause_repertoire: number[] | null;
  effect_phi: number;
  effect_purview: number[];
  effect_repertoire: number[] | null;
  mechanism: number[];
}
export interface Cut {
  from_nodes: number[];
  to_nodes: number[];
}
export interface EngineInfo {
  name: string;
  version: string;
}
export interface SystemPhi {
  cause: SpecifiedState;
  effect: SpecifiedState;
  engine: EngineInfo;
  formalism: string;
  ii: number;
  margin: number | null;
  nodes: number[];
  normalized_phi: number;
  partition: [number, number][];
  partitions: number;
  phi: number;
  reason: string;
  seconds: number;
  signed_phi: number;
  status: "computed_iit4";
  ties: number | null;
}
export interface SpecifiedState {
  intrinsic_information: number;
  phi: number;
  signed_phi: number;
  state: number[];
  ties: number[][];
}
export interface TimedOut {
  reason: string;
  status: "timed_out";
  timeout: number;
}
export interface Failed {
  code: string;
  details: string;
  reason: string;
  status: "failed";
}
export interface Skipped {
  code: string;
  reason: string;
  status: "skipped";
}
export interface Open {
  reason: string;
  status: "open";
}
export interface Thresholds {
  frozen: boolean;
  samples: number;
  strategy: string;
  upper: (number | null)[];
  values: number[];
}
export interface Units {
  bits: number;
  clusters: number[][];
  indices: number[];
  seed: number | null;
  selection: string;
  width: number;
}
export interface Interval {
  draws: number;
  high: number;
  level: number;
  low: number;
  parts: number;
  seed: number;
  words: string;
}
export interface LesionRecord {
  control_units: number[][];
  layer: string;
  measures: LesionMeasure[];
  part: string;
  samples: number;
  schema: number;
  seed: number;
  to: "mean" | "resample" | "zero";
  units: number[];
  width: number;
}
export interface LesionMeasure {
  after: number;
  before: number;
  controls: number[];
  name: string;
}
export interface MajorComplex {
  nodes: number[];
  others: SystemPhi[];
  result: Computed | SystemPhi | TimedOut | Failed | Skipped | Open;
}
export interface Moments {
  moments: number;
  phi: number | null;
  positive: number;
  reachable: number;
}
export interface NullResult {
  excess: number;
  mean: number;
  name: string;
  p: number;
  seed: number;
  surrogates: number;
  upper: number;
  values: number[];
}
export interface OfFormalism {
  formalism: "iit3" | "iit4-2023" | "iit4-2026";
  major_complex: MajorComplex | null;
  notes: string[];
  result: Computed | SystemPhi | TimedOut | Failed | Skipped | Open;
  scalars: {
    [k: string]: number;
  };
  states: StateResult[];
  structure: Structure | null;
  survey: Survey | null;
}
export interface StateResult {
  result: Computed | SystemPhi | TimedOut | Failed | Skipped | Open;
  state: number[];
  visits: number;
}
export interface Structure {
  distinctions: Distinction[];
  formalism: string;
  reason: string;
  relations: number;
  seconds: number;
  sum_phi_distinctions: number;
  sum_phi_relations: number;
  system: SystemPhi;
}
export interface Distinction {
  cause: Purview;
  effect: Purview;
  mechanism: number[];
  phi: number;
}
export interface Purview {
  nodes: number[];
  phi: number;
  state: number[];
}
export interface Survey {
  groups: SurveyGroup[];
  high: number | null;
  interval_words: string;
  low: number | null;
  phi: number | null;
  positive: number | null;
  resampled: number[];
  se: number | null;
  share: number | null;
  signed: number | null;
}
export interface SurveyGroup {
  cm: number[][] | null;
  counts: Counts | null;
  phis: (number | null)[];
  positive: number | null;
  reason: string;
  signed: (number | null)[];
  states: number[][];
  units: Units;
  visits: number[];
}
export interface Provenance {
  engine: string;
  initial_weights: string;
  options: PhiOptions;
  packages: {
    [k: string]: string;
  };
  seed: number;
  selection: number;
  window: number;
  world_size: number;
}
export interface PhiOptions {
  complexes: boolean;
  cuts: "all" | "one";
  formalism: "iit3" | "iit4-2023" | "iit4-2026";
  new_concepts: boolean;
  nodes: number[] | null;
  pyphi: {
    [k: string]: boolean | number | string;
  };
  repertoires: boolean;
  threads: number;
  ties: boolean;
}
export interface ThresholdPoint {
  phi: number | null;
  quantile: number;
  reason: string;
  thresholds: number[];
  transitions: number;
  visited: number;
}
export interface PhiTask {
  axis: "depth" | "patch" | "stream" | "time" | "token";
  blocks: Counts[];
  cm: number[][] | null;
  counts: Counts;
  dynamics: Dynamics | null;
  engine: string;
  epoch: number;
  found: Found[];
  further: ("iit3" | "iit4-2023" | "iit4-2026")[];
  global_step: number;
  groups: GroupTask[];
  judge: Judge | null;
  kind: "causal" | "observational" | "statistical";
  labels: string[];
  layer: string;
  moments: Moment[];
  options: PhiOptions1;
  part: TaskPart | null;
  pictures: boolean;
  prior: number;
  resample_further: boolean;
  resampled: string[];
  seed: number;
  split: TaskPart[];
  states: number[][];
  step: number | null;
  survey: SurveyGroup[];
  timeout: number | null;
  visits: number[];
  whole: WholeTask | null;
}
export interface Dynamics {
  halves: Counts[];
  parts: Counts[];
  triples: [number, number, number, number][] | null;
}
export interface Found {
  block: number | null;
  lost: boolean;
  method: ("samples" | "sequences" | "shifts") | null;
  notes: string[];
  numbers: PhiNumbers[];
  reason: string;
  seconds: number;
  stretch: Stretch;
  whole: WholeLayer | null;
}
export interface PhiNumbers {
  phi: string;
  signed: string;
}
export interface Stretch {
  first: number;
  formalism: "iit3" | "iit4-2023" | "iit4-2026";
  group: number;
  stop: number;
  work:
    | "curve"
    | "interval"
    | "null"
    | "resamples"
    | "survey"
    | "whole"
    | "whole_interval"
    | "whole_null"
    | "whole_pairs"
    | "whole_values";
}
export interface WholeLayer {
  condition: number;
  dropped: DroppedUnit[];
  effective_samples: number | null;
  elements: number[][];
  epoch: WholeEpoch | null;
  fewest_effective_samples: number | null;
  information: number | null;
  kind: "causal" | "observational" | "statistical";
  lag: number;
  measures: WholeMeasure[];
  notes: string[];
  pairs: PairsOfUnits | null;
  refused: string;
  samples: number;
  sequences: number;
  units: number[];
}
export interface DroppedUnit {
  reason: string;
  unit: number;
}
export interface WholeEpoch {
  condition: number;
  dropped: DroppedUnit[];
  measure: WholeMeasure | null;
  notes: string[];
  refused: string;
  samples: number;
  units: number[];
}
export interface WholeMeasure {
  atomic: WholeValue;
  gap: number | null;
  minimum: WholeValue;
  name: "phi_g" | "phi_star" | "stochastic_interaction" | "total_correlation" | "total_correlation_pairs";
  partition: number[][];
  search: "as_stochastic_interaction" | "exhaustive" | "given" | "heuristic" | "queyranne";
}
export interface WholeValue {
  beta: number | null;
  expected_bias: number | null;
  interval: WholeInterval | null;
  null: WholeNull | null;
  spread: number;
  value: number;
}
export interface WholeInterval {
  bias: number;
  block: number;
  high: number;
  level: number;
  low: number;
  resamples: number;
  same_partition: number | null;
}
export interface WholeNull {
  mean: number;
  method: "samples" | "sequences" | "shifts";
  p: number;
  searched: boolean;
  surrogates: number;
  upper: number;
}
export interface PairsOfUnits {
  elements: number[][];
  notes: string[];
  numbers: PairNumbers[];
  redundancy: "ccs" | "mmi";
  surrogates: number;
}
export interface PairNumbers {
  name: "redundancy" | "synergy" | "transfer";
  null_means: number[];
  p: number[];
  values: number[];
}
export interface GroupTask {
  cm: number[][] | null;
  counts: Counts;
  state: number[];
}
export interface Judge {
  curve: boolean;
  interval_draws: number;
  null: string;
  surrogates: number;
  thresholds: ThresholdCounts[];
  ties: boolean;
}
export interface ThresholdCounts {
  counts: Counts;
  quantile: number;
  thresholds: number[];
}
export interface Moment {
  following: number[];
  state: number;
}
export interface PhiOptions1 {
  complexes: boolean;
  cuts: "all" | "one";
  formalism: "iit3" | "iit4-2023" | "iit4-2026";
  new_concepts: boolean;
  nodes: number[] | null;
  pyphi: {
    [k: string]: boolean | number | string;
  };
  repertoires: boolean;
  threads: number;
  ties: boolean;
}
export interface TaskPart {
  seconds: number;
  stretches: Stretch[];
}
export interface WholeTask {
  lag: number;
  names: (
    | "phi_g"
    | "phi_star"
    | "phiid"
    | "phiid_ccs"
    | "stochastic_interaction"
    | "total_correlation"
    | "total_correlation_pairs"
  )[];
  notes: string[];
  resamples: number;
  searched: boolean;
  seed: number;
  series: WholeSeries;
  sums: WholeSums | null;
  surrogates: number;
}
export interface WholeSeries {
  lengths: number[];
  notes: string[];
  problem: string;
  rows: string;
  units: number[];
  width: number;
}
export interface WholeSums {
  left_out: number;
  means: string;
  problem: string;
  products: string;
  samples: number;
  units: number[];
  width: number;
}
export interface TpmRecord {
  prior: number;
  state_by_node: number[][];
  visited: boolean[];
}
export interface InlineData {
  engines: string[];
  runs: InlineRun[];
  title: string;
}
export interface InlineRun {
  answers: AnswerList;
  index: RunIndex;
  info: RunInfo;
  networks: {
    [k: string]: string;
  };
  records: {
    [k: string]: string;
  };
  scalars: ScalarList;
}
export interface RunIndex {
  networks: NetworkRow[];
  notes: string[];
  rows: IndexRow[];
  run: string;
  sentences: string[];
  steps: IndexRow[];
}
export interface NetworkRow {
  epoch: number;
  version: string;
}
export interface IndexRow {
  axis: string;
  coverage: number | null;
  engine: string;
  epoch: number;
  file: string;
  formalism: string;
  global_step: number;
  groups: number | null;
  high: number | null;
  kind: string;
  layer: string;
  low: number | null;
  maximum: number | null;
  mean: number | null;
  null_upper: number | null;
  others: FormalismRow[];
  phi: number | null;
  phi_layer: number | null;
  reason: string;
  selection: number;
  share: number | null;
  signed: number | null;
  state: string;
  status: "computed" | "corrupt" | "failed" | "open" | "skipped" | "timed_out";
  step: number | null;
  transitions: number | null;
  units: number | null;
  verdict: string | number[];
  version: string;
  wall_time: number;
}
export interface FormalismRow {
  engine: string;
  formalism: string;
  groups: number | null;
  high: number | null;
  low: number | null;
  maximum: number | null;
  mean: number | null;
  null_upper: number | null;
  phi: number | null;
  phi_layer: number | null;
  reason: string;
  share: number | null;
  signed: number | null;
  status: "computed" | "corrupt" | "failed" | "open" | "skipped" | "timed_out";
  verdict: string | number[];
}
export interface RunInfo {
  id: string;
  modified: number;
  name: string;
  path: string;
  tracking_uri: string;
}
export interface ScalarList {
  series: ScalarSeries[];
}
export interface ScalarSeries {
  points: [number, number][];
  tag: string;
}
export interface LiveStep {
  layers: LayerActivity[];
  run: string;
  step: number;
}
export interface LayerActivity {
  indices: number[];
  name: string;
  values: number[];
}
export interface NetworkSnapshot {
  blocks: NetworkBlock[];
  connections: Connections[];
  epoch: number;
  flows: [number, number][];
  global_step: number;
  layers: NetworkLayer[];
  notes: string[];
  schema_version: number;
  steps: [number, number][];
  wall_time: number;
}
export interface NetworkBlock {
  kind: string;
  layers: number[];
  name: string;
}
export interface Connections {
  from_layer: number;
  largest: number;
  of: string;
  to_layer: number;
  total: number;
  weights: [number, number, number][];
}
export interface NetworkLayer {
  activity: number[][];
  aliases: string[];
  analysed: number[];
  detail: string;
  heads: number;
  indices: number[];
  kind: string;
  mean_activity: number[];
  name: string;
  part: string;
  width: number;
}
export interface Partitions {
  engine: EngineInfo;
  formalism: string;
  number: number;
  partitions: RankedPartition[];
  reason: string;
  seconds: number;
}
export interface RankedPartition {
  cut: Cut | null;
  normalized_phi: number | null;
  phi: number;
  severed: [number, number][];
  signed_phi: number | null;
}
export interface Problem {
  error: string;
}
export interface RunList {
  compute: boolean;
  control: boolean;
  engines: string[];
  left_out: number;
  poll_seconds: number;
  push: boolean;
  runs: RunInfo[];
  title: string;
}
export interface Told {
  answer: string;
  answered: number;
  epoch: number;
  id: string;
  outcome: "" | "done" | "refused";
  records: string[];
  sender: string;
  step: number;
  words: string;
}
export interface TrainingState {
  age: number;
  others: string[];
  phase: "deaf" | "ended" | "ending" | "none" | "paused" | "running";
  run: string;
  status: TrainingStatus | null;
  told: Told[];
}
export interface TrainingStatus {
  batch: number;
  batches: number | null;
  broken: boolean;
  ends: boolean;
  epoch: number;
  epochs: number | null;
  layers: string[];
  loss: number | null;
  pace: "ending" | "paused" | "running";
  run: string;
  seconds_left: number | null;
  step: number;
  steps: number | null;
  waiting: number;
  written: number;
}
