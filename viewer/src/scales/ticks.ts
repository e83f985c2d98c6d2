// The values that an axis names, and how far it goes at least.

/** An axis of Φ ends here at least: where all values are 0 it shows no difference. */
export const LEAST_PHI = 0.01;

/** Four or five round values. */
export function even(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * size).find((one) => one >= rough) ?? rough;
  const from = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step + 1e-9) - from + 1 }, (_, at) => Number(((from + at) * step).toPrecision(12)));
}
