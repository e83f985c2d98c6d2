// Whether a Φ depends on ties: a choice between purviews of equal φ, or a second-best partition that is hardly worse.
import { systemPhi } from "../data/results";
import type { EpochRecord, SystemPhi } from "../data/types";
import { count, number, phiText } from "./format";

type Result = EpochRecord["result"];

/** Says whether a Φ depends on a choice: between purviews of equal φ, or of IIT 4.0 between states or partitions. */
export function isTied(result: Result): boolean {
  const iit4 = systemPhi(result);
  if (iit4) return iit4.phi > 0 && (Boolean(iit4.ties) || [iit4.cause, iit4.effect].some(({ ties }) => ties.length > 1));
  return result.status === "computed" && result.phi > 0 && Boolean(result.tied_purviews?.length);
}

/** What is known of the ties of a Φ, in a sentence or two; empty where they were not looked for. */
export function tiesWords(result: Result): string {
  const iit4 = systemPhi(result);
  if (iit4) return ofIIT4(iit4);
  if (result.status !== "computed" || !result.tied_purviews || !result.phi_jitter) return "";
  const [low, high] = result.phi_jitter;
  if (result.phi === 0) return high > 0 ? `TPMs that differ by at most 0.0001 have Φ up to ${phiText(high)}.` : "";
  const tied = `Φ depends on ties: in ${result.tied_purviews.length} of ${result.concepts.length} concepts a rule chose between`;
  const range = `${phiText(low)} – ${phiText(high)}`;
  return [
    ...(isTied(result) ? [`${tied} purviews of equal φ, and TPMs that differ by at most 0.0001 have Φ ${range}.`] : []),
    ...(result.phi_margin === null ? [] : [`The second-best partition loses ${number(result.phi_margin, 3)} more.`]),
  ].join(" ");
}

function ofIIT4({ partition, margin, ties }: SystemPhi): string {
  if (!partition.length) return "";
  const second = margin === null ? "" : `Normalised φ_s of the second-best partition is larger by ${number(margin, 3)}.`;
  if (ties === null) return second;
  const same = ties === 1 ? "1 other partition has" : `${count(ties)} other partitions have`;
  return ties ? `${same} the same normalised φ_s.` : second;
}
