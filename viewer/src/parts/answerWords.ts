// What was answered to a question about Φ, in words.
import type { Asked } from "../data/results";
import { hasPhi, isRanked } from "../data/results";
import type { PhiResult } from "../data/types";
import { h } from "../dom";
import { lettersOf, unitLetter } from "../scales/bits";
import { FIRST, symbolOf } from "../scales/formalism";
import { count, phiText, statusWords } from "../scales/format";
import { severedLetters } from "./partitionWords";

type Words = (Node | string)[];

/** What a Φ was asked of: a state, and the units by number where they are not those of the shown record. */
export interface Subject {
  state: readonly number[];
  units: readonly number[] | null;
}

/** Whether an answer says that it would take long. */
export const isCostly = (found: Asked | string | null): boolean =>
  typeof found === "object" && found !== null && "status" in found && found.status === "skipped" && found.code === "costly";

/** A Φ that has become one of the states of the shown record, or why there is none. */
export function answerWords(result: PhiResult | null): Words {
  if (result && hasPhi(result)) {
    const words = `${symbolIn(result)} = ${phiText(result.phi)}: it is among the states above, and shown.`;
    return [h("span", { class: "visually-hidden" }, words)];
  }
  return result ? [h("b", {}, `${statusWords[result.status]}: `), result.reason] : [];
}

/** Φ of other units than those of the shown record, with its minimum partition; or why there is none. */
export function otherWords(result: PhiResult, subject: Subject): Words {
  if (!hasPhi(result)) return answerWords(result);
  const name = namesOf(subject);
  const severed =
    result.status === "computed"
      ? result.cut && `${lettersOf(result.cut.from_nodes, name)} → ${lettersOf(result.cut.to_nodes, name)}`
      : result.partition.length > 0 && severedLetters(result.partition, name);
  const least = severed
    ? `: severing ${result.status === "computed_iit4" ? "what goes " : ""}${severed} loses the least.`
    : `. ${result.reason}`;
  return [h("b", { "data-phi": result.phi }, `${symbolIn(result)} = ${phiText(result.phi)}`), ` ${ofWords(subject)}${least}`];
}

/** The best partitions as a list, or why there are none. */
export function rankedWords(found: Asked | null, subject: Subject): Words {
  if (!found) return [];
  if (!isRanked(found)) return "status" in found ? answerWords(found) : [];
  if (!found.partitions.length) return [found.reason];
  const symbol = symbolOf(found.formalism);
  const name = namesOf(subject);
  const rows = found.partitions.map(({ cut, severed, phi, signed_phi: signed, normalized_phi: normalized }) =>
    h(
      "li",
      { "data-phi": phi, "data-signed": signed },
      h("b", {}, cut ? `${lettersOf(cut.from_nodes, name)} → ${lettersOf(cut.to_nodes, name)}` : severedLetters(severed, name)),
      ` ${symbol} = ${phiText(phi)}`,
      // Of partitions with φ_s = 0 the sign tells which says more.
      phi > 0 || signed === null ? "" : `, signed ${symbol} = ${phiText(signed)}`,
      phi > 0 && normalized !== null ? `, normalised ${phiText(normalized)}` : "",
    ),
  );
  const head = ofWords(subject);
  const of = `${head.charAt(0).toUpperCase()}${head.slice(1)}, the ${rows.length} best of ${count(found.number)} partitions, the minimum first:`;
  return [h("p", {}, of), h("ol", { class: "ranked" }, ...rows)];
}

/** What to do where no server computes; of a training `isNow` the partitions are those of the record that comes of the command. */
export const withoutServer = (isNow: boolean): Words =>
  isNow
    ? ["Start the viewer with ", h("code", {}, "--compute"), ", so that it computes them; the command gives Φ."]
    : ["The partitions with the next smallest Φ: add ", h("code", {}, "--partitions 5"), " to the command."];

const symbolIn = (result: PhiResult): string => symbolOf(result.status === "computed_iit4" ? result.formalism : FIRST);

const ofWords = ({ state, units }: Subject): string =>
  units ? `of units ${units.join(", ")} in state ${state.join("")}` : `in state ${state.join("")}`;

const namesOf =
  ({ units }: Subject) =>
  (unit: number): string =>
    units ? String(units[unit] ?? unit) : unitLetter(unit);
