// The rings around neurons: which are analysed, chosen, hovered, or lit up by a concept.

import type { Unit } from "../data/types";
import type { Neurons } from "./neurons";
import type { Ring } from "./rings";

export interface Marks {
  chosen: Unit | null;
  hovered: Unit | null;
  mechanism: Unit[];
  others: Unit[];
}

export const NO_MARKS: Marks = { chosen: null, hovered: null, mechanism: [], others: [] };

const INK = {
  dark: { shown: "#ffffff", analysed: "#97a3b4", chosen: "#ff6ac1", lit: "#a99bff" },
  light: { shown: "#1b2230", analysed: "#5a6678", chosen: "#c2188f", lit: "#5b4bd6" },
};

/** The rings of all marks, in the order in which they are drawn; those of the `shown` layer are stronger than those of others. */
export function ringsOf(
  { chosen, hovered, mechanism, others }: Marks,
  neurons: Neurons,
  theme: "light" | "dark",
  shown: number | null,
): Ring[] {
  const ink = INK[theme];
  const around = (units: readonly Unit[], color: string, radius: number, thick: number): Ring[] =>
    units.flatMap((unit) => {
      const neuron = neurons.of(unit);
      return neuron ? [{ at: neuron.at, radius, color, thick }] : [];
    });
  const analysed = neurons.all.filter((neuron) => neuron.analysed);
  const isShown = ({ layerIndex }: { layerIndex: number }) => layerIndex === shown;
  return [
    ...around(
      analysed.filter((neuron) => !isShown(neuron)),
      ink.analysed,
      0.6,
      0.09,
    ),
    ...around(analysed.filter(isShown), ink.shown, 0.72, 0.2),
    ...around(others, ink.lit, 0.92, 0.12),
    ...around(mechanism, ink.lit, 0.95, 0.3),
    ...around(chosen ? [chosen] : [], ink.chosen, 1.0, 0.2),
    ...around(hovered ? [hovered] : [], ink.chosen, 0.86, 0.1),
  ];
}
