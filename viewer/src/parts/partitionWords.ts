// What a partition is, in words.
import { systemPhi } from "../data/results";
import type { EpochRecord, SystemPhi } from "../data/types";
import { h } from "../dom";
import type { Partition } from "../layout/parts";
import { lettersOf, unitLetter } from "../scales/bits";
import { count, phiText } from "../scales/format";
import { ofKind } from "../scales/kind";
import { isTied, tiesWords } from "../scales/ties";

/** So many severed connections are named one by one. */
const NAMED = 8;

/** The partition of a result, or why there is none. */
export function partitionWords(kind: string, result: EpochRecord["result"], partition: Partition): (Node | string)[] {
  const ties = h(isTied(result) ? "b" : "span", {}, tiesWords(result));
  const iit4 = systemPhi(result);
  if (iit4) return [...severedWords(kind, iit4, partition), iit4.reason ? ` ${sentence(iit4.reason)} ` : " ", ties];
  if (result.status !== "computed") return [result.reason];
  if (!result.cut) return [result.reason || "No partition was searched: Φ is 0."];
  const severed = `${lettersOf(result.cut.from_nodes)} → ${lettersOf(result.cut.to_nodes)}`;
  return [
    h("b", {}, `Minimum-information partition${ofKind(kind)}: `),
    "severing ",
    h("b", { class: "severed-words" }, severed),
    ` loses the least, Φ = ${phiText(result.phi)}. `,
    ties,
  ];
}

function severedWords(kind: string, { partition: pairs, partitions, phi }: SystemPhi, { parts }: Partition): (Node | string)[] {
  if (!pairs.length) return [`φ_s = ${phiText(phi)}, without a search of partitions.`];
  const inside = parts.filter((part) => !part.background).length;
  return [
    h("b", {}, `Minimum partition${ofKind(kind)}: `),
    `into ${inside} parts, severing `,
    h("b", { class: "severed-words" }, severedLetters(pairs)),
    `; φ_s = ${phiText(phi)}. Of ${count(partitions)} partitions examined.`,
  ];
}

/** The severed connections by the letters of their units, or by other names; of many the first ones. */
export function severedLetters(pairs: SystemPhi["partition"], name: (unit: number) => string = unitLetter): string {
  const named = pairs.slice(0, NAMED).map(([from, to]) => `${name(from)} → ${name(to)}`);
  return named.join(", ") + (pairs.length > NAMED ? ` and ${pairs.length - NAMED} more` : "");
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
