// How an analysis ended: with a Φ of IIT 3.0, with a φ_s of IIT 4.0, or without.
import type { Computed, Partitions, PhiResult, Structure, SystemPhi } from "./types";

/** What a server answers where Φ, a structure or the best partitions were asked for. */
export type Asked = PhiResult | Structure | Partitions;

export const isStructure = (found: Asked): found is Structure => "distinctions" in found;

export const isRanked = (found: Asked): found is Partitions => "partitions" in found && Array.isArray(found.partitions);

export const computed = (result: PhiResult): Computed | null => (result.status === "computed" ? result : null);

export const systemPhi = (result: PhiResult): SystemPhi | null => (result.status === "computed_iit4" ? result : null);

export const hasPhi = (result: PhiResult): result is Computed | SystemPhi =>
  result.status === "computed" || result.status === "computed_iit4";
