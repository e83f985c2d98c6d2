// What stands beside Φ: each a name, a few words, and the lines that explain them.
import { hasPhi } from "../data/results";
import type { EpochRecord, MajorComplex, Survey } from "../data/types";
import type { Analysis } from "../state/analysis";
import { resultOf } from "../state/analysis";
import { lettersOf } from "./bits";
import { formalismName, isIIT4, symbolOf } from "./formalism";
import { axisWords, count, number, phiText, statusWords } from "./format";
import type { Term } from "./glossary";
import { isTerm, termWords } from "./glossary";
import { SHARE, SIGNED, shareText } from "./iit4";
import { groupPhi } from "./survey";
import { isTied, tiesWords } from "./ties";

export interface Chip {
  name: string;
  text: string;
  lines: (string | [string, string])[];
  mood?: string;
  /** The word of the glossary that the chip is about. */
  term?: Term;
}

/** The chips of a record, of which one of its states is shown. */
export function chips(record: EpochRecord, shown: Analysis | null): Chip[] {
  // What judges the record's own Φ says nothing of another state.
  const own = !shown || shown.first;
  return [
    kind(record),
    engine(record, resultOf(record, shown)),
    ...(record.survey && record.result.status !== "open" ? ofSurvey(record, record.survey, shown) : []),
    nullChip(record, own),
    ...(own ? majorComplex(record) : []),
    ...(record.survey || !own ? [] : interval(record)),
    ...(own ? sensitivity(record) : []),
    ...olderGroups(record),
    ...source(record),
    ...coverage(record),
  ];
}

function kind(record: EpochRecord): Chip {
  const structural =
    record.structural_phi === null ? [] : [`Structural Φ is ${number(record.structural_phi)}: ${record.structural_reason}.`];
  return {
    name: "kind",
    text: record.kind,
    lines: [
      ...(isTerm(record.kind) ? [`${record.kind}: ${termWords(record.kind)}`] : []),
      `Transitions go ${axisWords[record.axis] ?? record.axis}.`,
      ...structural,
    ],
    mood: record.kind,
    term: "kind",
  };
}

function engine({ provenance, formalism }: EpochRecord, result: EpochRecord["result"]): Chip {
  const name = formalismName(formalism);
  if (!hasPhi(result)) return { name: "engine", text: provenance.engine, lines: [name] };
  const evaluated = result.status === "computed" ? result.cuts_evaluated : result.partitions;
  const timing = `${number(result.seconds, 2)} s, partitions evaluated: ${count(evaluated)}`;
  return { name: "engine", text: `${result.engine.name} ${result.engine.version}`, lines: [name, timing] };
}

/** Of the layer its interval and its groups; of the group that the other panels show its Φ, and whether it is reducible. */
function ofSurvey(record: EpochRecord, survey: Survey, shown: Analysis | null): Chip[] {
  const { phi, groups, low, high, se, interval_words: words } = survey;
  const symbol = symbolOf(record.formalism);
  const phis = groups.flatMap((group) => groupPhi(group) ?? []);
  const known = low !== null && high !== null;
  return [
    {
      name: isIIT4(record.formalism) ? "90 % interval of mean φ_s" : "90 % interval",
      text: known ? `${phiText(low)} – ${phiText(high)}` : "not computed",
      lines: [...(words ? [words] : []), ...(se === null ? [] : [["standard error", number(se, 2)] as [string, string]])],
    },
    {
      name: `${groups.length} ${groups.length === 1 ? "group" : "groups"} of units`,
      text: range(phis, symbol),
      lines: [
        `The smallest and the largest ${symbol} of a group. Each group's ${symbol} is the mean over the states that were visited, by visits.`,
        [`mean of the groups: ${symbol} of the layer`, phiText(phi)],
        ...ofShares(survey),
        ...(phis.length < groups.length ? [`${groups.length - phis.length} of them have no ${symbol}.`] : []),
      ],
      term: "survey",
    },
    shownGroup(record, shown),
    ...(!shown || shown.first ? reducible(record, survey, symbol) : []),
  ];
}

/** Of IIT 4.0 how often φ_s is above 0, and its mean before it is set to at least 0. */
function ofShares({ share, signed }: Survey): Chip["lines"] {
  if (share === null) return [];
  return [["visits with φ_s > 0", shareText(share)], SHARE, ["mean signed φ_s", phiText(signed)], SIGNED];
}

function shownGroup(record: EpochRecord, shown: Analysis | null): Chip {
  const result = resultOf(record, shown);
  const units = record.units ? [["units", record.units.indices.join(" ")] as [string, string]] : [];
  const ties = tiesWords(result);
  const bounds = record.interval && shown?.first ? intervalLines(record, record.interval) : [];
  return {
    name: `${symbolOf(record.formalism)} of shown group${shown ? `, in ${shown.state.join("")}` : ""}`,
    text: (hasPhi(result) ? phiText(result.phi) : (statusWords[result.status] ?? result.status)) + (isTied(result) ? ", tied" : ""),
    lines: [
      "The first of the groups, which the panels below show in detail, in one of its states.",
      ...units,
      ...bounds,
      ...(ties ? [ties] : []),
      ...(result.reason ? [result.reason] : []),
    ],
    ...(shown ? { term: "state" } : {}),
    ...((hasPhi(result) || result.status === "open") && !isTied(result) ? {} : { mood: "warn" }),
  };
}

/** In how many resamples of the data the shown group is reducible or not; this is no p-value. */
function reducible(record: EpochRecord, survey: Survey, symbol: string): Chip[] {
  const positive = survey.groups[0]?.positive ?? null;
  const resamples = record.interval?.draws ?? survey.resampled.length;
  if (positive === null || !resamples) return [];
  const not = positive >= 0.5;
  return [
    {
      name: not ? "not reducible" : "reducible",
      text: `in ${number(100 * (not ? positive : 1 - positive), 3)} % of ${count(resamples)} resamples`,
      lines: [
        `A system is reducible where some partition of it changes nothing: its ${symbol} is 0. Whole sequences of the data were ` +
          `resampled, and ${symbol} of the shown group in its most visited state was computed again.`,
      ],
    },
  ];
}

function nullChip({ null: found, perturbation, states, survey, formalism }: EpochRecord, own: boolean): Chip {
  const symbol = symbolOf(formalism);
  const state = states[0]?.state.join("") ?? "";
  if (found && !own) {
    return {
      name: "null",
      text: "not of this state",
      lines: [`The null of this record is of ${symbol} in state ${state}: choose that state.`],
      term: "null",
    };
  }
  if (found) {
    const of = survey ? `${symbol} of the shown group in ${state}` : `${symbol} in ${state}`;
    return {
      name: "null",
      text: `p = ${number(found.p, 2)}, up to ${number(found.upper, 2)}`,
      lines: [
        ["null", found.name],
        ["surrogates", String(found.surrogates)],
        ["mean", phiText(found.mean)],
        ["upper", phiText(found.upper)],
        [`${of} is ${found.excess < 0 ? "below" : "above"} the mean by`, number(Math.abs(found.excess))],
      ],
      mood: found.p <= 0.05 ? "good" : "warn",
      term: "null",
    };
  }
  const lines = perturbation
    ? ["All states were set into the same backgrounds, so their errors are common and no surrogate data can stand for them."]
    : [`No ${symbol} of surrogate data was computed, so nothing is known of how much of this number is chance.`];
  return { name: "null", text: perturbation ? "none: units were set" : "not computed", lines, term: "null" };
}

function majorComplex({ major_complex: found, formalism }: EpochRecord): Chip[] {
  if (!found) return [];
  const symbol = symbolOf(formalism);
  const phi = hasPhi(found.result) ? `${symbol} ${phiText(found.result.phi)}` : statusWords[found.result.status];
  return [
    {
      name: "major complex",
      text: found.nodes.length ? `${lettersOf(found.nodes)} · ${phi}` : `none · ${phi}`,
      lines: [
        `The subset of the analysed units whose ${symbol} is the largest, the others being background.`,
        ...otherComplexes(found),
        ...(found.result.reason ? [found.result.reason] : []),
      ],
    },
  ];
}

/** Of IIT 4.0 those that overlap neither the major complex nor each other. */
const otherComplexes = ({ others }: MajorComplex): Chip["lines"] =>
  others.map(({ nodes, phi }): [string, string] => [`further complex ${lettersOf(nodes)}`, `φ_s ${phiText(phi)}`]);

function interval(record: EpochRecord): Chip[] {
  if (!record.interval) return [];
  const { low, high } = record.interval;
  return [{ name: "interval", text: `${phiText(low)} – ${phiText(high)}`, lines: intervalLines(record, record.interval) }];
}

function intervalLines(record: EpochRecord, found: NonNullable<EpochRecord["interval"]>): Chip["lines"] {
  const resampled = record.perturbation !== null && record.survey !== null;
  const { parts } = found;
  return [
    [`${number(100 * found.level, 3)} % interval`, `${phiText(found.low)} – ${phiText(found.high)}`],
    [
      resampled ? "resamples of sequences" : parts ? `resamples of ${parts} parts of the data` : "draws from the posterior",
      String(found.draws),
    ],
    ...(found.words ? [found.words] : []),
  ];
}

function sensitivity({ sensitivity: points, formalism }: EpochRecord): Chip[] {
  if (!points.length) return [];
  const symbol = symbolOf(formalism);
  const lines = points.map(({ quantile, phi, reason }): [string, string] => [
    `quantile ${number(quantile)}`,
    phi === null ? reason || `no ${symbol}` : phiText(phi),
  ]);
  return [
    {
      name: "other thresholds",
      text: range(
        points.flatMap(({ phi }) => phi ?? []),
        symbol,
      ),
      lines: [`${symbol} of the same state where a unit is ON above another quantile of its activations:`, ...lines],
    },
  ];
}

/** Random groups as version 0.1.0 recorded them: each in one state. */
function olderGroups({ groups }: EpochRecord): Chip[] {
  if (!groups.length) return [];
  const lines = groups.map(({ units, result }): [string, string] => [
    `units ${units.indices.join(" ")}`,
    hasPhi(result) ? phiText(result.phi) : (statusWords[result.status] ?? result.status),
  ]);
  return [
    {
      name: `${groups.length} groups of units`,
      text: range(
        groups.flatMap(({ result }) => (hasPhi(result) ? result.phi : [])),
        "Φ",
      ),
      lines: ["Random groups of the layer's units; the panels show the first.", ...lines],
    },
  ];
}

/** What the TPM was made from: backgrounds into which units were set, or transitions that were watched. */
function source({ counts, perturbation, provenance }: EpochRecord): Chip[] {
  if (counts && perturbation) {
    const { draws, background, observed, sequences } = perturbation;
    return [
      {
        name: "set",
        text: `${count(draws)} backgrounds${sequences ? ` from ${count(sequences)} sequences` : ""}`,
        lines: [
          `Each of the ${counts.visits.length} states was set into each background, and what followed in one step of the layer was read.`,
          ["background", background],
          ["states observed, not set", count(sum(observed))],
        ],
      },
    ];
  }
  if (!counts) return [];
  const perState = sum(counts.visits) / counts.visits.length;
  return [
    {
      name: "transitions",
      text: count(sum(counts.visits)),
      lines: [
        `${number(perState, 3)} for each possible state; below 100 coin flips too read a number clearly above 0.`,
        ["window", `${provenance.window} epoch(s)`],
      ],
      mood: perState < 100 ? "warn" : "",
    },
  ];
}

function coverage({ tpm }: EpochRecord): Chip[] {
  if (!tpm) return [];
  const visited = tpm.visited.filter(Boolean).length;
  return [
    {
      name: "coverage",
      text: `${visited}/${tpm.visited.length} states`,
      lines: [`Rows that were never visited hold the prior ${number(tpm.prior)} only.`],
      mood: visited < tpm.visited.length ? "warn" : "",
      term: "coverage",
    },
  ];
}

/** What the diagnostics say, and the notes of the record. */
export const notes = (record: EpochRecord): string[] => [
  ...record.diagnostics.map((diagnostic) => diagnostic.words).filter(Boolean),
  ...record.notes,
  ...(record.lesions ?? []).map(lesionWords),
];

/** What the network loses without some units: its first measure as it is, with the units set, and with random sets of others. */
function lesionWords({ part, to, measures, control_units: sets }: EpochRecord["lesions"][number]): string {
  const [first] = measures;
  if (!first) return "";
  const { name, before, after, controls } = first;
  const much = controls.filter((control) => Math.abs(control - before) >= Math.abs(after - before)).length;
  const set = { mean: "set to their mean", zero: "set to 0", resample: "set to values of other samples" }[to];
  const range = `${number(Math.min(...controls), 3)} to ${number(Math.max(...controls), 3)}`;
  const p = `p = ${number((1 + much) / (sets.length + 1), 3)}`;
  return `Lesion, ${part} ${set}: ${name} ${number(before, 3)}, then ${number(after, 3)}; with random sets of other units ${range}, ${p}.`;
}

const range = (values: number[], symbol: string): string =>
  values.length ? `${phiText(Math.min(...values))} – ${phiText(Math.max(...values))}` : `no ${symbol}`;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
