// What is said below a network of the layer that is shown, where it is not drawn under its own name.
import type { EpochRecord, NetworkSnapshot, RunIndex } from "../data/types";
import { analysedName } from "../state/app";

type Layers = Pick<NetworkSnapshot, "layers">;

/** The place of the shown layer among those of the network; -1 where the network has none of its units. */
export const placeOfShown = ({ layers }: Layers, index: RunIndex | null, shown: string | null): number =>
  shown === null ? -1 : layers.findIndex((layer) => analysedName(layer, index) === shown);

/** The network with the units of the shown record as those that are analysed: a snapshot may have been taken before they were chosen. */
export function withUnits<T extends Layers>(network: T, index: RunIndex | null, record: EpochRecord | null): T {
  const units = record?.units?.indices;
  const place = placeOfShown(network, index, record?.layer ?? null);
  if (!units || place < 0) return network;
  const layers = network.layers.map((layer, at) => (at === place ? { ...layer, analysed: [...new Set(units)] } : layer));
  return { ...network, layers };
}

/** Where the units of the shown layer are drawn; empty where that is seen. */
export function shownWords(network: Layers, index: RunIndex | null, shown: string | null): string {
  if (shown === null || !index?.rows.some(({ layer }) => layer === shown)) return "";
  const drawn = network.layers[placeOfShown(network, index, shown)]?.name;
  if (drawn === undefined) return `${shown}, the shown layer, is not in this snapshot of the network.`;
  if (drawn === shown) return "";
  return drawn.startsWith(`${shown}.`)
    ? `The units of ${shown} are drawn at ${drawn}, whose output is its own.`
    : `${shown} has no weights: its units are drawn at ${drawn}.`;
}

/** Whether the network has analysed units of layers other than the shown one. */
export const hasOthers = (network: Layers, index: RunIndex | null, shown: string | null): boolean => {
  const place = placeOfShown(network, index, shown);
  return network.layers.some(({ analysed }, at) => at !== place && analysed.length > 0);
};
