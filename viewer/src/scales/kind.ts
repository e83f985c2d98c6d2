// What the three kinds of number are called beside a number, a picture or a table.

/** The line below a picture: as the pictures that trackers get have it. */
const CAPTIONS: Record<string, string> = {
  causal: "causal: units were set into each state",
  observational: "observational: units were watched, not set",
  statistical: "statistical: no connections among the units, 0 by structure",
};

/** What an arrow from one unit to another is, besides its numbers. */
const ARROWS: Record<string, string> = {
  observational: "Observational: an input that drives both units looks the same.",
  statistical: "Statistical: a dependence in the data, not an effect of one unit on the other.",
};

export const kindCaption = (kind: string | null | undefined): string => (kind ? (CAPTIONS[kind] ?? kind) : "");

export const arrowWords = (kind: string): string[] => (ARROWS[kind] ? [ARROWS[kind]] : []);

/** The kind in brackets, after the name of a number; empty where nothing is known of it. */
export const ofKind = (kind: string | null | undefined): string => (kind ? ` (${kind})` : "");

/** Units are called a causal system only where they were set. */
export function systemName(kind: string | null | undefined): string {
  if (!kind) return "System";
  return kind === "causal" ? "Causal system" : `System read from activity${ofKind(kind)}`;
}
