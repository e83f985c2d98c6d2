// What the tip of the chart says of an epoch: the numbers of all lines, or why there is none.
import type { Measure } from "../scales/curve";
import { intervalsOf, WHY_SOME } from "../scales/curve";
import { formalismName } from "../scales/formalism";
import { phiText, statusWords } from "../scales/format";
import { shareText } from "../scales/iit4";
import type { AppState } from "../state/app";
import type { Line } from "./curveLine";

type Lines = (string | [string, string])[];

export const tipLines = (lines: readonly Line[], epoch: number, state: AppState, measure: Measure): Lines => [
  ...lines.flatMap((line) => ofLine(line, epoch, state, measure)),
  formalismName(state.formalism),
];

function ofRuns({ layer, epochs, line, low, high, runs }: Line["curve"], epoch: number): Lines {
  const at = epochs.indexOf(epoch);
  if (at < 0) return [];
  return [
    [`${layer}, mean of ${runs?.[at]} runs`, phiText(line[at])],
    ["  smallest, largest", `${phiText(low[at])}, ${phiText(high[at])}`],
  ];
}

function ofLine({ run, curve }: Line, epoch: number, state: AppState, measure: Measure): Lines {
  if (curve.runs) return ofRuns(curve, epoch);
  const name = state.b ? `${run} · ${curve.layer}` : curve.layer;
  const gap = curve.gaps.find((known) => known.epoch === epoch);
  if (gap) return [[name, statusWords[gap.status] ?? gap.status], gap.reason];
  const at = curve.epochs.indexOf(epoch);
  const { line: phis, low, high, phi, states, surveyed, averaged, changes, sparse } = curve;
  if (phis[at] === null || phis[at] === undefined) return [];
  const others = curve.breaks.includes(epoch) ? ["  other units than before, on a command"] : [];
  if (measure !== "phi") return [[name, measure === "share" ? shareText(phis[at]) : phiText(phis[at])]];
  const change = changes.find((known) => known.epoch === epoch);
  const coverage = sparse.find((known) => known.epoch === epoch)?.coverage;
  const covered = coverage === undefined ? [] : [`  low coverage: ${Math.round(coverage * 100)} % of the states were visited`];
  if (!surveyed && !averaged) return [[name, phiText(phi[at])], ...others, ...covered];
  if (!surveyed)
    return [
      [name, phiText(phis[at])],
      ["  largest of a state", phiText(high[at])],
      [`  most visited state ${states[at] ?? ""}`.trimEnd(), phiText(phi[at])],
      ...others,
      ...covered,
    ];
  return [
    [name, phiText(phis[at])],
    ["  90 % interval", low[at] === null ? "not computed" : `${phiText(low[at])} – ${phiText(high[at])}`],
    ...(low[at] === null && intervalsOf(curve).have ? [`  intervals: ${WHY_SOME}`] : []),
    [`  shown group ${states[at] ? `in ${states[at]}` : ""}`.trimEnd(), phiText(phi[at])],
    ...others,
    ...(change ? [`  its state is another than before: ${change.to}, not ${change.from}`] : []),
    ...covered,
  ];
}
