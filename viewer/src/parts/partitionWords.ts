// What a partition is, in words.
import { systemPhi } from "../data/results";
import type { EpochRecord, SystemPhi } from "../data/types";
import { h } from "../dom";
import type { Partition } from "../layout/parts";
import { lettersOf, unitLetter } from "../scales/bits";
import { count, phiText } from "../scales/format";
import { ofKind } from "../scales/kind";
import { isTied, tiesWords } from "../scales/ties";

/** So many directions in which connections are severed are named one by one. */
const NAMED = 8;

/** A partition is one of causes; where it is not, its kind is said. */
const otherKind = (kind: string): string => (kind === "causal" ? "" : ofKind(kind));

/** The partition of a result, or why there is none. */
export function partitionWords(kind: string, result: EpochRecord["result"], partition: Partition): (Node | string)[] {
  const ties = h(isTied(result) ? "b" : "span", {}, tiesWords(result));
  const iit4 = systemPhi(result);
  if (iit4) {
    const words = [iit4.reason ? sentence(iit4.reason) : "", backgroundWords(partition)].filter(Boolean).join(" ");
    return [...severedWords(kind, iit4, partition), words ? ` ${words} ` : " ", ties];
  }
  if (result.status !== "computed") return [result.reason];
  if (!result.cut) return [result.reason || "No partition was searched: Φ is 0."];
  const severed = `${lettersOf(result.cut.from_nodes)} → ${lettersOf(result.cut.to_nodes)}`;
  if (result.phi === 0) {
    const cuts = nothingLost(result.phi_margin);
    return [h("b", {}, "Φ = 0"), `${otherKind(kind)}: ${cuts}, `, h("b", { class: "severed-words" }, severed), ". ", ties];
  }
  return [
    h("b", {}, `Minimum-information partition${otherKind(kind)}: `),
    "severing ",
    h("b", { class: "severed-words" }, severed),
    ` loses the least, Φ = ${phiText(result.phi)}. `,
    ties,
  ];
}

/** Which cuts lose nothing where Φ is 0, by how much more the second-best one loses; null where that was not computed. */
export const nothingLost = (margin: number | null): string =>
  margin === 0 ? "several cuts lose nothing; one of them is drawn" : "a cut that loses nothing is drawn";

/** What the units are that are drawn, and are no part of the system; empty where there are none. */
export function backgroundWords({ parts }: Partition): string {
  const nodes = parts.filter(({ background }) => background).flatMap((one) => one.nodes);
  if (!nodes.length) return "";
  const [are, they] =
    nodes.length === 1
      ? ["is", "it is outside of the system that φ_s is of, and stays in its state"]
      : ["are", "they are outside of the system that φ_s is of, and stay in their states"];
  return `${lettersOf(nodes)} ${are} background: ${they}.`;
}

function severedWords(kind: string, result: SystemPhi, { parts }: Partition): (Node | string)[] {
  const { partition: pairs, partitions, phi, reason } = result;
  if (!pairs.length) return reason ? [] : [`φ_s = ${phiText(phi)}, without a search of partitions.`];
  const inside = parts.filter((part) => !part.background).length;
  return [
    h("b", {}, `Minimum partition${otherKind(kind)}: `),
    `into ${inside} parts, severing what goes `,
    h("b", { class: "severed-words" }, severedLetters(pairs)),
    phi === 0 && reason ? "; " : `; φ_s = ${phiText(phi)}. `, // such a reason begins with it
    `${partitions === 1 ? "1 partition was" : `${count(partitions)} partitions were`} examined.`,
  ];
}

/** From which units to which connections are severed, by their letters or by other names; of many the first ones. */
export function severedLetters(pairs: SystemPhi["partition"], name: (unit: number) => string = unitLetter): string {
  const targets = new Map<number, number[]>();
  for (const [from, to] of pairs) targets.set(from, [...(targets.get(from) ?? []), to]);
  const sources = new Map<string, { from: number[]; to: number[] }>();
  for (const [from, to] of targets) sources.set(to.join(), { from: [...(sources.get(to.join())?.from ?? []), from], to });
  const all = [...sources.values()];
  const names = (units: number[]) => units.map(name).join(" ");
  const named = all.slice(0, NAMED).map(({ from, to }) => `from ${names(from)} to ${names(to)}`);
  return named.join(", ") + (all.length > NAMED ? ` and ${all.length - NAMED} more` : "");
}

/** A small phi at the beginning stays small: it is another quantity than the large one. */
const sentence = (text: string): string => `${text.replace(/^[a-z]/, (first) => first.toUpperCase()).replace(/\.$/, "")}.`;
