// Colours as numbers: activity by a perceptually even map, weights by sign. Both are told apart by colour-blind people.
import { viridis } from "../generated/colormaps";

export const POSITIVE = "#e69f00";
export const NEGATIVE = "#3b8fd4";

/** The colours of layers and runs (Okabe and Ito's, in an order whose first entries differ most). */
export const CATEGORIES = ["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#0072b2", "#b3a72a", "#a0713f"] as const;

/** The colours of loss and accuracy: no layer of the first three and no run of a comparison has them. */
export const METRICS = ["#cc79a7", "#b3a72a", "#0072b2"] as const;

export const metricColor = (index: number): string => METRICS[index % METRICS.length] as string;

export const category = (index: number): string => CATEGORIES[index % CATEGORIES.length] as string;

/** #rrggbb for a value from 0 to 1; what is no number is mid-grey. */
export function sequential(value: number): string {
  if (!Number.isFinite(value)) return "#808080";
  const at = Math.round(Math.min(1, Math.max(0, value)) * (viridis.length - 1));
  return `#${viridis[at]}`;
}

export function channels(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

/** #rrggbb of channels from 0 to 1: what channels() takes apart. */
export function hexOf(...parts: [number, number, number]): string {
  return `#${parts
    .map((part) =>
      Math.round(part * 255)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}
