// The numbers of the panels as CSV (RFC 4180), each number as the record has it.
import type { Computed, EpochRecord, IndexRow, RunIndex, Structure, Survey } from "../data/types";
import { bitLabel, elementLabel, lettersOf, unitLetter } from "../scales/bits";
import { groupPhi } from "../scales/survey";

type Cell = string | number | boolean | null | undefined;

export const csv = (rows: readonly (readonly Cell[])[]): string => rows.map((row) => `${row.map(cellText).join(",")}\r\n`).join("");

function cellText(cell: Cell): string {
  const text = cell === null || cell === undefined ? "" : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const CURVE = [
  "layer",
  "epoch",
  "step",
  "global_step",
  "formalism",
  "status",
  "phi_layer",
  "low",
  "high",
  "groups",
  "share",
  "signed",
  "phi",
  "state",
  "mean",
  "maximum",
  "null_upper",
  "transitions",
  "coverage",
  "kind",
  "selection",
  "reason",
] as const satisfies readonly (keyof IndexRow)[];

/** All layers and epochs of some runs, one row each; the steps within epochs, too. */
export function curveCsv(runs: readonly { name: string; index: RunIndex }[]): string {
  const lines = runs.flatMap(({ name, index }) =>
    [...index.rows, ...index.steps].map((row) => [name, ...CURVE.map((column) => row[column])]),
  );
  return csv([["run", ...CURVE], ...lines]);
}

/** The concepts of IIT 3.0; units are letters, A the first of the group. */
export function conceptsCsv({ concepts }: Computed, kind: Cell): string {
  const rows = concepts.map(({ mechanism, cause_purview: cause, effect_purview: effect, cause_phi: one, effect_phi: other }) => [
    lettersOf(mechanism),
    lettersOf(cause),
    lettersOf(effect),
    one,
    other,
    Math.min(one, other),
    kind,
  ]);
  return csv([["mechanism", "cause_purview", "effect_purview", "cause_phi", "effect_phi", "phi", "kind"], ...rows]);
}

/** The distinctions of IIT 4.0, with the states of their purviews. */
export function distinctionsCsv({ distinctions }: Structure, kind: Cell): string {
  const rows = distinctions.map(({ mechanism, cause, effect, phi }) => [
    lettersOf(mechanism),
    lettersOf(cause.nodes),
    cause.state.join(""),
    lettersOf(effect.nodes),
    effect.state.join(""),
    cause.phi,
    effect.phi,
    phi,
    kind,
  ]);
  const purviews = ["cause_purview", "cause_state", "effect_purview", "effect_state"];
  return csv([["mechanism", ...purviews, "cause_phi", "effect_phi", "phi", "kind"], ...rows]);
}

/** The chance of each unit being ON next, a row for each state (unit A first). */
export function tpmCsv({ tpm, counts, kind }: EpochRecord): string {
  if (!tpm) return "";
  const n = tpm.state_by_node[0]?.length ?? 0;
  const rows = tpm.state_by_node.map((row, code) => [bitLabel(code, n), tpm.visited[code], counts?.visits[code], kind, ...row]);
  return csv([["state", "visited", "visits", "kind", ...Array.from({ length: n }, (_, unit) => unitLetter(unit))], ...rows]);
}

export function groupsCsv({ groups }: Survey, kind: Cell): string {
  const rows = groups.flatMap((group, at) => {
    const units = group.units.indices.map((_, element) => elementLabel(group.units, element)).join(" ");
    const phi = groupPhi(group);
    return group.states.map((state, one) => [
      at,
      units,
      phi,
      state.join(""),
      group.visits[one],
      group.phis[one],
      group.signed[one],
      group.reason,
      kind,
    ]);
  });
  return csv([["group", "units", "mean_phi", "state", "visits", "phi", "signed_phi", "reason", "kind"], ...rows]);
}

export const recordCurveCsv = ({ curve, kind }: EpochRecord): string =>
  csv([
    ["transitions", "mean", "low", "high", "subsamples", "kind"],
    ...curve.map(({ transitions, mean, low, high, subsamples }) => [transitions, mean, low, high, subsamples, kind]),
  ]);
