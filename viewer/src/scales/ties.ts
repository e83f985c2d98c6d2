// Whether a Φ depends on ties: a choice between purviews of equal φ, or a second-best partition that is hardly worse.
import type { EpochRecord } from "../data/types";
import { number, phiText } from "./format";

type Result = EpochRecord["result"];

/** Says whether a Φ depends on a choice between purviews of equal φ. */
export const isTied = (result: Result): boolean => result.status === "computed" && Boolean(result.tied_purviews?.length);

/** What is known of the ties of a Φ, in a sentence or two; empty where they were not looked for. */
export function tiesWords(result: Result): string {
  if (result.status !== "computed" || !result.tied_purviews || !result.phi_jitter) return "";
  const [low, high] = result.phi_jitter;
  const tied = `Φ depends on ties: in ${result.tied_purviews.length} of ${result.concepts.length} concepts a rule chose between`;
  const range = `${phiText(low)} – ${phiText(high)}`;
  return [
    ...(isTied(result) ? [`${tied} purviews of equal φ, and TPMs that differ by at most 0.0001 have Φ ${range}.`] : []),
    ...(result.phi_margin === null ? [] : [`The second-best partition loses ${number(result.phi_margin, 3)} more.`]),
  ].join(" ");
}
