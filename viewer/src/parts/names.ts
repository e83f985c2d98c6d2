// The names over a network in three dimensions: those of its layers, and the letters of the analysed units.
import type { NetworkLayer, NetworkSnapshot } from "../data/types";
import { fill, h } from "../dom";
import { partsOf } from "../layout/blocks";
import type { Box } from "../layout/labels";
import { placesAround, placesBelow, takePlace } from "../layout/labels";
import type { PlacedLayer } from "../layout/network";
import { lettersOf } from "../scales/bits";
import { shortNames } from "../scales/names";
import type { NetworkScene } from "../scene/scene";
import type { Side } from "../state/app";
import { analysedName } from "../state/app";
import type { BlockButtons } from "./blockButtons";

/** In a smaller room the names stand alone, without what their layers are. */
const ROOM = { width: 380, height: 200 };

/** Draws the letters, then as many names as have room: that of the shown layer before all others. */
export function drawNames(names: HTMLElement, scene: NetworkScene, side: Side, shown: string | null, buttons: BlockButtons): void {
  const network = side.network as NetworkSnapshot;
  const taken = occupied(names);
  const letters = lettersAt(scene, side, shown, taken, names);
  const places = scene.layers.flatMap((body) => {
    const place = scene.projectPoint([body.x, -body.radius - 1.3, 0]);
    return place.depth < 1 ? [{ body, place }] : [];
  });
  const short = shortNames(
    [...network.layers.map(({ name }) => name), ...(network.blocks ?? []).map(({ name }) => name)],
    names.clientWidth < 500 ? 16 : 26,
  );
  const isTold = names.clientWidth > ROOM.width && names.clientHeight > ROOM.height;
  const isShown = ({ body }: (typeof places)[number]) =>
    body.layers.some((at) => analysedName(network.layers[at] as NetworkLayer, side.index) === shown);
  const rank = (one: (typeof places)[number]) => (isShown(one) ? 0 : one === places[0] || one === places.at(-1) ? 1 : 2);
  const tags = [...places]
    .sort((a, b) => rank(a) - rank(b) || a.place.x - b.place.x)
    .flatMap((one) => {
      const [name, detail] = wordsOf(one.body, network, short(one.body.name));
      const tag = nameAt(name, isTold ? detail : "", one.place, taken, names.clientWidth, buttons.elementOf(one.body));
      tag?.element.classList.toggle("current", isShown(one));
      return tag ? [tag] : [];
    })
    .sort((a, b) => a.x - b.x);
  const named = new Set(tags.map(({ element }) => element));
  buttons.settle(scene, short, taken, named);
  const left = places.length - tags.length;
  const note = left ? h("div", { class: "unnamed" }, `${tags.length} of ${places.length} layers are named`) : null;
  fill(names, ...tags.flatMap(({ element }) => (element.tagName === "BUTTON" ? [] : [element])), ...letters, note);
}

/** Where other words lie over the picture: its notes, its title, and what the colours mean. */
function occupied(names: HTMLElement): Box[] {
  const room = names.getBoundingClientRect();
  const words = names.closest(".network")?.querySelectorAll(".stage-note > *, .stage-title, .legend") ?? [];
  return [...words].flatMap((element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const box = { left: left - room.left, top: top - room.top, right: right - room.left, bottom: bottom - room.top };
    return right > left && bottom > top ? [box] : [];
  });
}

/** The name of a layer, or of a closed block, and what it is. */
function wordsOf(body: PlacedLayer, network: NetworkSnapshot, name: string): [string, string] {
  const block = body.block === null ? undefined : network.blocks[body.block];
  if (body.closed && block) return [`▸ ${name}`, `${block.kind} · ${partsOf(network, body.layers)}`];
  const layer = network.layers[body.layers[0] as number] as NetworkLayer;
  const sample =
    layer.indices.length < layer.width
      ? `${layer.indices.length} of ${layer.width} shown`
      : `${layer.width} unit${layer.width === 1 ? "" : "s"}`;
  const kind = [layer.part, layer.kind === "stream" ? layer.detail : layer.kind].filter(Boolean).join(" · ");
  return [name, layer.kind === "input" ? sample : `${kind} · ${sample}`];
}

function nameAt(
  name: string,
  detail: string,
  place: { x: number; y: number },
  taken: Box[],
  room: number,
  button: HTMLElement | null,
) {
  const size = { width: Math.max(name.length * 7.8, detail.length * 6) + 8, height: detail ? 32 : 17 };
  const box = takePlace(placesBelow(place, size, room), size, taken);
  if (!box) return null;
  const element = button ?? h("div", { class: "layer-name" });
  fill(element, h("b", {}, name), " ", detail ? h("span", {}, detail) : null);
  element.style.transform = `translate(-50%, 0) translate(${(box.left + box.right) / 2}px, ${box.top}px)`;
  return { element, x: place.x };
}

/** A letter at each analysed unit; a unit of two bits is two elements, and has both letters. */
function lettersAt(scene: NetworkScene, side: Side, shown: string | null, taken: Box[], room: HTMLElement): HTMLElement[] {
  const layer = side.network?.layers.find((known) => analysedName(known, side.index) === shown);
  const units = side.record?.layer === shown ? (side.record?.units?.indices ?? []) : [];
  if (!layer) return [];
  return [...new Set(units)].flatMap((index) => {
    const place = scene.project({ layer: layer.name, index });
    if (!place || place.x < 0 || place.y < 0 || place.x > room.clientWidth || place.y > room.clientHeight) return [];
    const letter = lettersOf(units.flatMap((other, at) => (other === index ? [at] : [])));
    const size = { width: letter.length * 8 + 10, height: 17 };
    const box = takePlace(placesAround(place, size), size, taken);
    if (!box) return [];
    const element = h("div", { class: "letter" }, letter);
    element.style.transform = `translate(${box.left}px, ${box.top}px)`;
    return [element];
  });
}
