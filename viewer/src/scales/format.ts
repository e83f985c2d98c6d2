// Numbers and words as people read them.

/** Four significant digits, no exponent where it can be helped, a true minus sign. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  const text = magnitude < 1e-4 || magnitude >= 1e6 ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

/** Φ with four decimals: the same width for all, so that a column can be read. */
export const phiText = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : value.toFixed(4);

export const count = (value: number): string => value.toLocaleString("en-US");

export const epochName = (epoch: number): string => (epoch < 0 ? "untrained" : `epoch ${epoch}`);

export const statusWords: Record<string, string> = {
  computed: "computed",
  timed_out: "timed out",
  failed: "failed",
  skipped: "skipped",
  open: "waiting",
  corrupt: "cannot be read",
};

export const kindWords: Record<string, string> = {
  causal:
    "Causal: the units were set into each of their states, and what followed was averaged over the backgrounds. Φ is of this averaged system.",
  observational: "Observational: units that have connections among them were watched, not set.",
  statistical:
    "Statistical: the units have no connections among them, so their structural Φ is 0; the number describes the order of the data.",
};

export const axisWords: Record<string, string> = {
  time: "along time",
  stream: "from one sample to the next, in the order of the data",
  token: "from one token to the next (not time)",
  patch: "from one patch to the next (not time)",
  depth: "from one layer to the next (not time)",
};
