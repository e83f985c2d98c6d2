// Numbers and words as people read them.

/** Four significant digits, no exponent where it can be helped, a true minus sign. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  const text = magnitude < 1e-4 || magnitude >= 1e6 ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** Φ with four decimals; exactly 0 is "0", and one that would read 0 but is not has an exponent. */
export const phiText = (value: number | null | undefined): string => fixed(value, 4);

/** A number with so many decimals, in the same way. */
export const fixed = (value: number | null | undefined, places: number): string =>
  value == null || value === 0 || Math.abs(value) < 0.5 * 10 ** -places ? number(value) : value.toFixed(places).replace("-", "−");

export const count = (value: number): string => value.toLocaleString("en-US");

export const epochName = (epoch: number): string => (epoch < 0 ? "untrained" : `epoch ${epoch}`);

export const statusWords: Record<string, string> = {
  computed: "computed",
  computed_iit4: "computed",
  timed_out: "timed out",
  failed: "failed",
  skipped: "skipped",
  open: "waiting",
  corrupt: "cannot be read",
};

export const axisWords: Record<string, string> = {
  time: "along time",
  stream: "from one sample to the next, in the order of the data",
  token: "from one token to the next (not time)",
  patch: "from one patch to the next (not time)",
  depth: "from one layer to the next (not time)",
};
