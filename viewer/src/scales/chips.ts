// What stands beside Φ: each a name, a few words, and the lines that explain them.
import type { EpochRecord, Survey } from "../data/types";
import { lettersOf } from "./bits";
import { axisWords, count, kindWords, number, phiText, statusWords } from "./format";
import { groupPhi } from "./survey";
import { isTied, tiesWords } from "./ties";

export interface Chip {
  name: string;
  text: string;
  lines: (string | [string, string])[];
  mood?: string;
}

/** The chips of a record, of which one of its analysed states is shown. */
export function chips(record: EpochRecord, chosen: number): Chip[] {
  return [
    kind(record),
    engine(record),
    ...(record.survey && record.result.status !== "open" ? ofSurvey(record, record.survey, chosen) : []),
    nullChip(record),
    ...majorComplex(record),
    ...(record.survey ? [] : interval(record)),
    ...sensitivity(record),
    ...olderGroups(record),
    ...source(record),
    ...coverage(record),
    ...notes(record),
  ];
}

function kind(record: EpochRecord): Chip {
  const structural =
    record.structural_phi === null ? [] : [`Structural Φ is ${number(record.structural_phi)}: ${record.structural_reason}.`];
  return {
    name: "kind",
    text: record.kind,
    lines: [kindWords[record.kind] ?? "", `Transitions go ${axisWords[record.axis] ?? record.axis}.`, ...structural],
    mood: record.kind,
  };
}

function engine({ result, provenance, formalism }: EpochRecord): Chip {
  if (result.status !== "computed") return { name: "engine", text: provenance.engine, lines: [formalism] };
  const timing = `${number(result.seconds, 2)} s, ${count(result.cuts_evaluated)} partitions evaluated`;
  return { name: "engine", text: `${result.engine.name} ${result.engine.version}`, lines: [formalism, timing] };
}

/** Of the layer its interval and its groups; of the group that the other panels show its Φ, and whether it is reducible. */
function ofSurvey(record: EpochRecord, survey: Survey, chosen: number): Chip[] {
  const { phi, groups, low, high, se, interval_words: words } = survey;
  const phis = groups.flatMap((group) => groupPhi(group) ?? []);
  const known = low !== null && high !== null;
  return [
    {
      name: "90 % interval",
      text: known ? `${phiText(low)} – ${phiText(high)}` : "not computed",
      lines: [...(words ? [words] : []), ...(se === null ? [] : [["standard error", number(se, 2)] as [string, string]])],
    },
    {
      name: `${groups.length} ${groups.length === 1 ? "group" : "groups"} of units`,
      text: range(phis),
      lines: [
        "The smallest and the largest Φ of a group. Each group's Φ is the mean over the states that were visited, by visits.",
        ["mean of the groups: Φ of the layer", phiText(phi)],
        ...(phis.length < groups.length ? [`${groups.length - phis.length} of them have no Φ.`] : []),
      ],
    },
    shownGroup(record, chosen),
    ...reducible(record, survey),
  ];
}

function shownGroup(record: EpochRecord, chosen: number): Chip {
  const analysed = record.states[chosen];
  const result = analysed?.result ?? record.result;
  const units = record.units ? [["units", record.units.indices.join(" ")] as [string, string]] : [];
  const ties = tiesWords(result);
  const bounds = record.interval && chosen === 0 ? intervalLines(record, record.interval) : [];
  return {
    name: analysed ? `shown group, in ${analysed.state.join("")}` : "shown group",
    text:
      (result.status === "computed" ? phiText(result.phi) : (statusWords[result.status] ?? result.status)) +
      (isTied(result) ? ", tied" : ""),
    lines: [
      "The first of the groups, which the panels below show in detail, in one of its states.",
      ...units,
      ...bounds,
      ...(ties ? [ties] : []),
      ...(result.reason ? [result.reason] : []),
    ],
    ...((result.status === "computed" || result.status === "open") && !isTied(result) ? {} : { mood: "warn" }),
  };
}

/** In how many resamples of the data the shown group is reducible or not; this is no p-value. */
function reducible(record: EpochRecord, survey: Survey): Chip[] {
  const positive = survey.groups[0]?.positive ?? null;
  const resamples = record.interval?.draws ?? survey.resampled.length;
  if (positive === null || !resamples) return [];
  const not = positive >= 0.5;
  return [
    {
      name: not ? "not reducible" : "reducible",
      text: `in ${number(100 * (not ? positive : 1 - positive), 3)} % of ${count(resamples)} resamples`,
      lines: [
        "A system is reducible where some cut of it changes nothing: its Φ is 0. Whole sequences of the data were resampled, and Φ " +
          "of the shown group in its most visited state was computed again.",
      ],
    },
  ];
}

function nullChip({ null: found, perturbation }: EpochRecord): Chip {
  if (found) {
    return {
      name: "null",
      text: `p = ${number(found.p, 2)}, up to ${number(found.upper, 2)}`,
      lines: [
        ["null", found.name],
        ["surrogates", String(found.surrogates)],
        ["mean", phiText(found.mean)],
        ["upper", phiText(found.upper)],
        ["Φ above it by", number(found.excess)],
      ],
      mood: found.p <= 0.05 ? "good" : "warn",
    };
  }
  const lines = perturbation
    ? ["All states were set into the same backgrounds, so their errors are common and no surrogate data can stand for them."]
    : ["No Φ of surrogate data was computed, so nothing is known of how much of this number is chance."];
  return { name: "null", text: perturbation ? "none: units were set" : "not computed", lines };
}

function majorComplex({ major_complex: found }: EpochRecord): Chip[] {
  if (!found) return [];
  const phi = found.result.status === "computed" ? `Φ ${phiText(found.result.phi)}` : statusWords[found.result.status];
  return [
    {
      name: "major complex",
      text: found.nodes.length ? `${lettersOf(found.nodes)} · ${phi}` : `none · ${phi}`,
      lines: [
        "The subset of the analysed units whose Φ is the largest, the others held as fixed background.",
        ...(found.result.reason ? [found.result.reason] : []),
      ],
    },
  ];
}

function interval(record: EpochRecord): Chip[] {
  if (!record.interval) return [];
  const { low, high } = record.interval;
  return [{ name: "interval", text: `${phiText(low)} – ${phiText(high)}`, lines: intervalLines(record, record.interval) }];
}

function intervalLines(record: EpochRecord, found: NonNullable<EpochRecord["interval"]>): Chip["lines"] {
  const resampled = record.perturbation !== null && record.survey !== null;
  return [
    [`${number(100 * found.level, 3)} % interval`, `${phiText(found.low)} – ${phiText(found.high)}`],
    [resampled ? "resamples of sequences" : "draws from the posterior", String(found.draws)],
    ...(found.words ? [found.words] : []),
  ];
}

function sensitivity({ sensitivity: points }: EpochRecord): Chip[] {
  if (!points.length) return [];
  const lines = points.map(({ quantile, phi, reason }): [string, string] => [
    `quantile ${number(quantile)}`,
    phi === null ? reason || "no Φ" : phiText(phi),
  ]);
  return [
    {
      name: "other thresholds",
      text: range(points.flatMap(({ phi }) => phi ?? [])),
      lines: ["Φ of the same state where a unit is ON above another quantile of its activations:", ...lines],
    },
  ];
}

/** Random groups as version 0.1.0 recorded them: each in one state. */
function olderGroups({ groups }: EpochRecord): Chip[] {
  if (!groups.length) return [];
  const lines = groups.map(({ units, result }): [string, string] => [
    `units ${units.indices.join(" ")}`,
    result.status === "computed" ? phiText(result.phi) : (statusWords[result.status] ?? result.status),
  ]);
  return [
    {
      name: `${groups.length} groups of units`,
      text: range(groups.flatMap(({ result }) => (result.status === "computed" ? result.phi : []))),
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
        `${number(perState, 3)} for each possible state; below 100 coin flips too read a Φ clearly above 0.`,
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
    },
  ];
}

function notes(record: EpochRecord): Chip[] {
  const words = [...record.diagnostics.map((diagnostic) => diagnostic.words).filter(Boolean), ...record.notes];
  return words.length ? [{ name: "notes", text: String(words.length), lines: words }] : [];
}

const range = (values: number[]): string =>
  values.length ? `${phiText(Math.min(...values))} – ${phiText(Math.max(...values))}` : "no Φ";

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
