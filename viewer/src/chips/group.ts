// The chips of one group of units in one state. What judges the record's own Φ says nothing of another state.
import { hasPhi } from "../data/results";
import type { EpochRecord, MajorComplex } from "../data/types";
import { partitionOf } from "../layout/parts";
import { elementLabel, lettersOf } from "../scales/bits";
import { formalismName, symbolOf } from "../scales/formalism";
import { count, number, phiText, statusWords } from "../scales/format";
import { isTied, tiesWords } from "../scales/ties";
import type { Analysis } from "../state/analysis";
import { resultOf } from "../state/analysis";
import type { Chip } from "./chip";
import { range, sum } from "./chip";

/** Whether the shown state is that of the record's own Φ. */
const isOwn = (shown: Analysis | null): boolean => !shown || shown.first;

export function engine({ provenance, formalism }: EpochRecord, result: EpochRecord["result"]): Chip {
  const name = formalismName(formalism);
  if (!hasPhi(result)) return { name: "engine", text: provenance.engine, lines: [name] };
  const evaluated = result.status === "computed" ? result.cuts_evaluated : result.partitions;
  const timing = `${number(result.seconds, 2)} s, partitions evaluated: ${count(evaluated)}`;
  return { name: "engine", text: `${result.engine.name} ${result.engine.version}`, lines: [name, timing] };
}

/** Φ of the group in the shown state. */
export function groupPhiChip(record: EpochRecord, shown: Analysis | null, name: string): Chip {
  const result = resultOf(record, shown);
  const ties = tiesWords(result);
  return {
    name,
    text: (hasPhi(result) ? phiText(result.phi) : (statusWords[result.status] ?? result.status)) + (isTied(result) ? ", tied" : ""),
    lines: [
      `${symbolOf(record.formalism)} of the group of units that the panels below show in detail, in one of its states.`,
      ...(record.units ? [["units", record.units.indices.join(" ")] as [string, string]] : []),
      ...(record.interval && shown?.first ? intervalLines(record, record.interval) : []),
      ...(ties ? [ties] : []),
      ...(result.reason ? [result.reason] : []),
    ],
    ...(shown ? { term: "state" } : {}),
    ...((hasPhi(result) || result.status === "open") && !isTied(result) ? {} : { mood: "warn" }),
  };
}

/** The units that the analysed system is, where others of the group are its background. */
export function system({ units }: EpochRecord, result: EpochRecord["result"]): Chip[] {
  if (!units || !hasPhi(result)) return [];
  const { parts } = partitionOf(result, units.indices.length);
  const names = (isBackground: boolean) =>
    parts
      .filter(({ background = false }) => background === isBackground)
      .flatMap(({ nodes }) => nodes)
      .sort((one, other) => one - other)
      .map((node) => elementLabel(units, node))
      .join(" ");
  const background = names(true);
  if (!background) return [];
  return [{ name: "system", text: names(false), lines: [`Background, no part of the system: ${background}.`] }];
}

/** In how many resamples of the data the group is reducible or not; this is no p-value. */
export function reducible(record: EpochRecord, shown: Analysis | null): Chip[] {
  const { survey } = record;
  const positive = survey?.groups[0]?.positive ?? null;
  const resamples = record.interval?.draws ?? survey?.resampled.length;
  if (!isOwn(shown) || record.result.status === "open" || positive === null || !resamples) return [];
  const not = positive >= 0.5;
  const symbol = symbolOf(record.formalism);
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

export function nullChip(record: EpochRecord, shown: Analysis | null): Chip {
  const { null: found, perturbation, states, survey, formalism } = record;
  const symbol = symbolOf(formalism);
  const state = states[0]?.state.join("") ?? "";
  if (found && !isOwn(shown)) {
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
      // Where the structure says 0, a small p says that the data depend on each other, which is nothing good or bad of the layer.
      mood: record.kind === "statistical" || record.structural_phi === 0 ? "" : found.p <= 0.05 ? "good" : "warn",
      term: "null",
    };
  }
  const lines = perturbation
    ? ["All states were set into the same backgrounds, so their errors are common and no surrogate data can stand for them."]
    : [`No ${symbol} of surrogate data was computed, so nothing is known of how much of this number is chance.`];
  return { name: "null", text: perturbation ? "none: units were set" : "not computed", lines, term: "null" };
}

export function majorComplex({ major_complex: found, formalism }: EpochRecord, shown: Analysis | null): Chip[] {
  if (!found || !isOwn(shown)) return [];
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

/** The interval of Φ of the group in its first state. */
export function interval(record: EpochRecord, shown: Analysis | null): Chip[] {
  if (!record.interval || !isOwn(shown)) return [];
  const { level, low, high } = record.interval;
  const name = `${number(100 * level, 3)} % interval`;
  return [{ name, text: `${phiText(low)} – ${phiText(high)}`, lines: intervalLines(record, record.interval) }];
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

export function sensitivity({ sensitivity: points, formalism }: EpochRecord, shown: Analysis | null): Chip[] {
  if (!points.length || !isOwn(shown)) return [];
  const symbol = symbolOf(formalism);
  const lines = points.map(({ quantile, phi, reason }): [string, string] => [
    `quantile ${number(quantile)}`,
    phi === null ? reason || `no ${symbol}` : phiText(phi),
  ]);
  const phis = points.flatMap(({ phi }) => phi ?? []);
  return [
    {
      name: "other thresholds",
      text: range(phis, symbol),
      lines: [`${symbol} of the same state where a unit is ON above another quantile of its activations:`, ...lines],
    },
  ];
}

/** What the TPM was made from: backgrounds into which units were set, or transitions that were watched. */
export function source({ counts, perturbation, provenance }: EpochRecord): Chip[] {
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

export function coverage({ tpm }: EpochRecord): Chip[] {
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
