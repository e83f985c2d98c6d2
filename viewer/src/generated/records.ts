// Generated from the Python structs by `npm run types`. Do not edit.

export interface Everything {
  ComputeRequest?: ComputeRequest;
  EpochRecord?: EpochRecord;
  InlineData?: InlineData;
  NetworkSnapshot?: NetworkSnapshot;
  Problem?: Problem;
  RunIndex?: RunIndex;
  RunList?: RunList;
  ScalarList?: ScalarList;
}
/**
 * Asks for Φ of a record's TPM in a state.
 */
export interface ComputeRequest {
  engine: "auto" | "fast" | "pyphi";
  epoch: number;
  layer: string;
  run: string;
  state: number[];
}
/**
 * Everything known of one layer at one epoch. One JSON file each, under ``<log_dir>/iit/<layer>/epoch=0003.json``.
 *
 *     ``counts`` are those that the TPM comes from: of watched transitions, or of perturbations (``perturbation`` says how; what was
 *     watched is then in ``observed``). Epoch -1 is the untrained network. ``result`` is that of the first state of ``states``;
 *     ``scalars`` is exactly what is
 *     logged under ``iit/<layer>/``.
 */
export interface EpochRecord {
  axis: "depth" | "patch" | "stream" | "time" | "token";
  counts: Counts | null;
  curve: CurvePoint[];
  diagnostics: Diagnostic[];
  epoch: number;
  formalism: string;
  global_step: number;
  interval: Interval | null;
  kind: "causal" | "observational" | "statistical";
  layer: string;
  left_out: number;
  major_complex: MajorComplex | null;
  notes: string[];
  null: NullResult | null;
  observed: Counts | null;
  perturbation: Perturbation | null;
  provenance: Provenance;
  result: Computed | TimedOut | Failed | Skipped;
  scalars: {
    [k: string]: number;
  };
  schema_version: number;
  state_order: string;
  states: StateResult[];
  structural_phi: number | null;
  structural_reason: string;
  thresholds: Thresholds | null;
  tpm: TpmRecord | null;
  units: Units | null;
  wall_time: number;
}
/**
 * Transition counts: the unit of truth, from which another TPM can be estimated later.
 *
 *     Args:
 *         visits: ``[2**n]``, how often each state was the first of a transition.
 *         on: ``[2**n, n]``, how often each unit was ON after each state.
 *         joint: the non-zero entries of the ``[2**n, 2**n]`` transition counts as (from, to, count), sorted.
 */
export interface Counts {
  joint: [number, number, number][];
  on: number[][];
  visits: number[];
}
/**
 * Φ of ``subsamples`` random parts of the transitions, of ``transitions`` each: mean, smallest and largest.
 */
export interface CurvePoint {
  high: number;
  low: number;
  mean: number;
  subsamples: number;
  transitions: number;
}
/**
 * One checked assumption of the estimate: its value and unit, a p-value where there is a test, and plain words.
 */
export interface Diagnostic {
  name: string;
  p: number | null;
  unit: string;
  value: number | null;
  verdict: string;
  words: string;
}
/**
 * A posterior interval of Φ.
 *
 *     It is the middle ``level`` of Φ over ``draws`` TPMs drawn from the posterior of the counts, with its reflection in the
 *     estimate, since estimated Φ is biased. ``low`` is 0 where the null was not rejected, or not computed, as ``words`` then says.
 */
export interface Interval {
  draws: number;
  high: number;
  level: number;
  low: number;
  seed: number;
  words: string;
}
/**
 * The subset of units with the largest Φ, the rest being held as fixed background; its nodes are indices of the system.
 */
export interface MajorComplex {
  nodes: number[];
  result: Computed | TimedOut | Failed | Skipped;
}
/**
 * Φ of one system in one state, in the units of the Hamming earth mover's distance.
 *
 *     ``cut`` is the minimum-information partition, or None where Φ is 0 without a search (fewer than two nodes, not strongly
 *     connected, no concept), as ``reason`` then says. ``cuts_evaluated`` counts the partitions looked at before it was certain.
 */
export interface Computed {
  concepts: Concept[];
  cut: Cut | null;
  cuts_evaluated: number;
  engine: EngineInfo;
  partitioned_concepts: Concept[];
  phi: number;
  reason: string;
  seconds: number;
  status: "computed";
}
/**
 * A mechanism with its maximally irreducible cause and effect (node indices of the system).
 *
 *     ``cause_phi`` and ``effect_phi`` are small φ in Hamming earth mover's distance; the repertoires are there on request
 *     only and run over the states of their purview, little-endian, first purview node fastest.
 */
export interface Concept {
  cause_phi: number;
  cause_purview: number[];
  cause_repertoire: number[] | null;
  effect_phi: number;
  effect_purview: number[];
  effect_repertoire: number[] | null;
  mechanism: number[];
}
/**
 * A directed bipartition of a system: the connections from ``from_nodes`` to ``to_nodes`` are severed (noised).
 */
export interface Cut {
  from_nodes: number[];
  to_nodes: number[];
}
/**
 * Which engine computed a result, in which version.
 */
export interface EngineInfo {
  name: string;
  version: string;
}
/**
 * The analysis did not end within its time limit (seconds).
 */
export interface TimedOut {
  reason: string;
  status: "timed_out";
  timeout: number;
}
/**
 * The analysis broke. ``code`` is one of worker_died, engine_error, capture_error, interrupted.
 */
export interface Failed {
  code: string;
  details: string;
  reason: string;
  status: "failed";
}
/**
 * The analysis was not made. ``code`` says why in a word (state_unreachable, queue_full, no_transitions, ...).
 */
export interface Skipped {
  code: string;
  reason: string;
  status: "skipped";
}
/**
 * Φ of surrogate data under a null hypothesis (``name`` says which) beside the Φ that it judges.
 */
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
/**
 * How a causal TPM was made: units were set into each of their states, and the layer made one step.
 *
 *     ``off`` and ``on`` are the values that each unit was set to, for each part of the state that was set (a hidden state, and the
 *     cell state of an LSTM). The rest of the state and the input came from ``draws`` observed backgrounds, the same for each state
 *     ("sampled"), or from the one that was observed at the analysed state ("fixed"). ``observed`` counts how often each state was
 *     seen, not set, where the backgrounds come from.
 */
export interface Perturbation {
  background: string;
  draws: number;
  observed: number[];
  off: number[][];
  on: number[][];
  seed: number;
}
/**
 * Where a number comes from: options, seeds and package versions.
 */
export interface Provenance {
  engine: string;
  options: PhiOptions;
  packages: {
    [k: string]: string;
  };
  seed: number;
  window: number;
  world_size: number;
}
/**
 * How Φ is computed.
 *
 *     Args:
 *         cuts: "all" directed bipartitions, or "one": only those that cut one node off (PyPhi's CUT_ONE_APPROXIMATION).
 *         new_concepts: False assumes that cuts cannot create concepts (PyPhi's ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS).
 *         repertoires: keep both repertoires of each concept in the result.
 *         complexes: also search all subsets for the major complex.
 *         threads: threads inside one analysis; more than one pays from 6 units on.
 *         pyphi: further options of PyPhi by PyPhi's names, e.g. ``{"MEASURE": "KLD"}``; they ask for the PyPhi engine.
 */
export interface PhiOptions {
  complexes: boolean;
  cuts: "all" | "one";
  new_concepts: boolean;
  pyphi: {
    [k: string]: boolean | number | string;
  };
  repertoires: boolean;
  threads: number;
}
/**
 * The result for one analysed state, with how often the state was visited.
 */
export interface StateResult {
  result: Computed | TimedOut | Failed | Skipped;
  state: number[];
  visits: number;
}
/**
 * A unit is ON where its activation is greater than its value here.
 */
export interface Thresholds {
  frozen: boolean;
  samples: number;
  strategy: string;
  values: number[];
}
/**
 * The state-by-node TPM, ``[2**n, n]``, little-endian; rows where ``visited`` is False hold the prior only.
 */
export interface TpmRecord {
  prior: number;
  state_by_node: number[][];
  visited: boolean[];
}
/**
 * Which units of a layer are analysed, and how they were chosen.
 *
 *     ``indices`` are positions in the layer's unit axis of ``width`` units; unit i of every state is ``indices[i]``.
 */
export interface Units {
  indices: number[];
  seed: number | null;
  selection: string;
  width: number;
}
/**
 * Everything that a one-file page holds.
 */
export interface InlineData {
  runs: InlineRun[];
  title: string;
}
/**
 * A run inside a page: records and snapshots are deflated JSON in base64, by "layer/epoch" and by epoch.
 */
export interface InlineRun {
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
/**
 * All that a run has, without the records themselves; ``notes`` are for the person (what was thinned or left out).
 */
export interface RunIndex {
  networks: NetworkRow[];
  notes: string[];
  rows: IndexRow[];
  run: string;
}
/**
 * An epoch of which there is a network snapshot.
 */
export interface NetworkRow {
  epoch: number;
  version: string;
}
/**
 * One record in short: enough for the curves, the pickers and the gaps.
 *
 *     ``phi`` is that of the first analysed state, ``mean`` and ``maximum`` are over the analysed states; all are None unless
 *     computed.
 *     ``version`` changes when the record does; ``file`` is its path below the run's directory.
 */
export interface IndexRow {
  axis: string;
  coverage: number | null;
  engine: string;
  epoch: number;
  file: string;
  global_step: number;
  kind: string;
  layer: string;
  maximum: number | null;
  mean: number | null;
  null_upper: number | null;
  phi: number | null;
  reason: string;
  status: "computed" | "corrupt" | "failed" | "skipped" | "timed_out";
  transitions: number | null;
  units: number | null;
  version: string;
  wall_time: number;
}
/**
 * A run that can be chosen: ``id`` is what requests name it by, ``name`` is what people read.
 *
 *     ``path`` is where its files are, for the command line that the page shows; empty where that is not known.
 */
export interface RunInfo {
  id: string;
  modified: number;
  name: string;
  path: string;
}
/**
 * The run's other metrics.
 */
export interface ScalarList {
  series: ScalarSeries[];
}
/**
 * A metric of the run (loss, accuracy) as (step, value).
 */
export interface ScalarSeries {
  points: [number, number][];
  tag: string;
}
/**
 * The network at an epoch, small enough to be drawn. One JSON file each, under ``<log_dir>/iit/network/snapshot=0003.json``.
 *
 *     ``steps`` names each row of the layers' ``activity`` as (sample, position in its sequence).
 */
export interface NetworkSnapshot {
  connections: Connections[];
  epoch: number;
  global_step: number;
  layers: NetworkLayer[];
  notes: string[];
  schema_version: number;
  steps: [number, number][];
  wall_time: number;
}
/**
 * The strongest weights between two layers (positions in ``NetworkSnapshot.layers``; equal for recurrent ones).
 *
 *     Args:
 *         weights: ``(from unit, to unit, weight)``, strongest first; units are indices of the whole layer.
 *         of: which of the module's weights ("weight", "candidate gate", "value projection").
 *         total: how many weights the module has between the two layers, sampled or not.
 *         largest: the largest magnitude among the sampled units' weights: what the thickness is measured by.
 */
export interface Connections {
  from_layer: number;
  largest: number;
  of: string;
  to_layer: number;
  total: number;
  weights: [number, number, number][];
}
/**
 * A layer in forward order: a sample of its units, and what they did.
 *
 *     Args:
 *         name: the module's name in the model; ``aliases`` are modules whose output is this layer's (an activation after it).
 *         kind: what the layer is; ``detail`` says it in words ("3x3 conv, 16 channels").
 *         width: how many units the layer truly has; ``indices`` are the sampled ones, ascending, of which ``analysed`` are the
 *             units of the analysed system.
 *         mean_activity: of each sampled unit over the batch that was watched.
 *         activity: ``[step, sampled unit]``: the units' activations along :attr:`NetworkSnapshot.steps`.
 *         heads: of an attention block.
 */
export interface NetworkLayer {
  activity: number[][];
  aliases: string[];
  analysed: number[];
  detail: string;
  heads: number;
  indices: number[];
  kind: "attention" | "conv" | "embedding" | "gru" | "input" | "linear" | "lstm" | "other" | "rnn";
  mean_activity: number[];
  name: string;
  width: number;
}
/**
 * Why a request has no answer, for a person to read.
 */
export interface Problem {
  error: string;
}
/**
 * The runs of a source, the latest first; ``left_out`` says how many more there are than are listed.
 */
export interface RunList {
  compute: boolean;
  left_out: number;
  poll_seconds: number;
  runs: RunInfo[];
  title: string;
}
