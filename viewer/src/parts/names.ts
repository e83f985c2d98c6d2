// The names over a network in three dimensions: those of its layers, and the letters of the analysed units.
import type { NetworkLayer, NetworkSnapshot } from "../data/types";
import { fill, h, s } from "../dom";
import { partsOf } from "../layout/blocks";
import type { Box, Named, Place, Size } from "../layout/labels";
import { placeNames, placesAround, Taken, takeLineBelow, takePlace } from "../layout/labels";
import { isAside, leaderTo, outside } from "../layout/leaders";
import type { PlacedLayer } from "../layout/network";
import { lettersOf } from "../scales/bits";
import { shortNames } from "../scales/names";
import type { NetworkScene } from "../scene/scene";
import type { Side } from "../state/app";
import { analysedName } from "../state/app";
import type { BlockButtons } from "./blockButtons";
import type { Fonts } from "./textWidth";
import { fontsOf, textWidth } from "./textWidth";

/** In a smaller room the names stand alone, without what their layers are. */
const ROOM = { width: 380, height: 200 };
const isRoomy = ({ width, height }: Size) => width > ROOM.width && height > ROOM.height;
/** How high a name is with what its layer is, and alone, in pixels. */
const TOLD = 32;
const NAMED = 17;
/** Between the outline of a layer and words, in pixels. */
const APART = 8;
/** Of so few layers each is named: where there is no other place, over a line or over units. */
const FEW = 12;

/** How many letters a name has at most; fewer where longer names find no places, and in a narrow room. */
const LETTERS = [26, 18];
const FEWEST = [16];

/** A label with the line that leads to it, where it does not stand right beside what it names. */
interface Tag {
  element: HTMLElement;
  box: Box;
  leader: readonly [Place, Place] | null;
}

/** The name of a layer, or of a closed block, and what it is. */
type Words = [name: string, detail: string];

/** What is taken of the picture: by words, and by units, over which no word lies where there is another place. */
interface Ground {
  words: Taken;
  units: Taken;
  room: Size;
  fonts: Fonts;
}

/** Draws the letters, then as many names as have room: that of the shown layer before all others. */
export function drawNames(names: HTMLElement, scene: NetworkScene, side: Side, shown: string | null, buttons: BlockButtons): void {
  const network = side.network as NetworkSnapshot;
  const room = { width: names.clientWidth, height: names.clientHeight };
  const ground = { words: new Taken(occupied(names)), units: new Taken(scene.unitBoxes), room, fonts: fontsOf(names) };
  const places = scene.layers.flatMap((body) => {
    const place = scene.projectPoint([body.x, -body.radius - 1.3, 0]);
    return place.depth < 1 ? [{ body, place }] : [];
  });
  const letters = lettersAt(scene, side, shown, ground, places);
  const isTold = isRoomy(room);
  const isShown = ({ body }: (typeof places)[number]) =>
    body.layers.some((at) => analysedName(network.layers[at] as NetworkLayer, side.index) === shown);
  const rank = (one: (typeof places)[number]) => (isShown(one) ? 0 : one === places[0] || one === places.at(-1) ? 1 : 2);
  const mustBeNamed = (one: (typeof places)[number]) => isShown(one) || places.length <= FEW;
  const wanted = [...places].sort((a, b) => rank(a) - rank(b) || a.place.x - b.place.x);
  const all = [...network.layers.map(({ name }) => name), ...(network.blocks ?? []).map(({ name }) => name)];
  const inLetters = (most: number) => {
    const short = shortNames(all, most);
    const words = wanted.map(({ body }) => wordsOf(body, network, short(body.name)));
    const asked = wanted.map((one, at) => ({ point: one.place, words: words[at] as Words, must: mustBeNamed(one) }));
    return { short, words, placed: placeWords(asked, isTold, ground) };
  };
  const { short, words, placed } = bestOf(room.width < 500 ? FEWEST : LETTERS, inLetters);
  const tags = wanted
    .flatMap((one, at) => {
      const box = placed.boxes[at];
      if (!box) return [];
      const foot = scene.projectPoint([one.body.x, -one.body.radius, 0]);
      const leader =
        leaderTo(one.place, box, 0) ?? (isAside(one.place, box) ? ([foot, { x: one.place.x, y: box.top }] as const) : null);
      const tag = nameIn(box, words[at] as Words, placed.told[at] as boolean, leader, buttons.elementOf(one.body));
      tag.element.classList.toggle("current", isShown(one));
      return [{ ...tag, x: one.place.x }];
    })
    .sort((a, b) => a.x - b.x);
  const named = new Set(tags.map(({ element }) => element));
  buttons.settle(scene, short, { words: placed.words, fonts: ground.fonts }, named);
  const left = places.length - tags.length;
  const note = left ? h("div", { class: "unnamed" }, `${tags.length} of ${places.length} layers are named`) : null;
  const shownTags = [...tags.filter(({ element }) => element.tagName !== "BUTTON"), ...letters];
  fill(names, leadersOf([...tags, ...letters]), ...shownTags.map(({ element }) => element), note);
}

/** The first way to name the layers in which nothing is amiss with those that must be named, or the one that costs least. */
function bestOf<T extends { placed: PlacedWords }>(letters: readonly number[], inLetters: (most: number) => T): T {
  let best: T | null = null;
  for (const most of letters) {
    const tried = inLetters(most);
    if (!best || Math.floor(tried.placed.cost) < Math.floor(best.placed.cost)) best = tried;
    if (best.placed.cost < 1) break;
  }
  return best as T;
}

function leadersOf(tags: readonly Tag[]): SVGElement {
  const pieces = tags.flatMap((tag) =>
    tag.leader
      ? outside(
          tag.leader,
          tags.filter((other) => other !== tag).map(({ box }) => box),
        )
      : [],
  );
  const d = pieces.map((ends) => `M${ends.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(" L")}`).join("");
  return s("svg", { class: "leaders" }, s("path", { class: "ground", d }), s("path", { d }));
}

/** What words need above and below the network, as parts of the picture's height: what lies over it, and the names of its layers. */
export function roomForWords(names: HTMLElement): { above: number; below: number } {
  const { clientWidth: width, clientHeight: height } = names;
  const above = Math.max(0, ...occupied(names).map(({ bottom }) => bottom));
  const below = isRoomy({ width, height }) ? TOLD : NAMED;
  return { above: Math.min(0.45, (above + APART) / height), below: Math.min(0.35, (below + APART) / height) };
}

/** Where other words lie over the picture: its title, and what the colours mean. */
function occupied(names: HTMLElement): Box[] {
  const room = names.getBoundingClientRect();
  const words = names.closest(".network")?.querySelectorAll(".stage-title, .legend") ?? [];
  return [...words].flatMap((element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const box = { left: left - room.left, top: top - room.top, right: right - room.left, bottom: bottom - room.top };
    return right > left && bottom > top && box.top < room.height ? [box] : [];
  });
}

/** What a layer is, no word twice: its part in its block, and its kind. */
export const kindOf = ({ part, kind, detail }: Pick<NetworkLayer, "part" | "kind" | "detail">): string =>
  [...new Set([part, kind === "stream" ? detail : kind])].filter(Boolean).join(" · ");

function wordsOf(body: PlacedLayer, network: NetworkSnapshot, name: string): Words {
  const block = body.block === null ? undefined : network.blocks[body.block];
  if (body.closed && block) return [`▸ ${name}`, `${block.kind} · ${partsOf(network, body.layers)}`];
  const layer = network.layers[body.layers[0] as number] as NetworkLayer;
  const sample =
    layer.indices.length < layer.width
      ? `${layer.indices.length} of ${layer.width} shown`
      : `${layer.width} unit${layer.width === 1 ? "" : "s"}`;
  const kind = kindOf(layer);
  return [name, layer.kind === "input" ? sample : `${kind} · ${sample}`];
}

interface PlacedWords {
  boxes: readonly (Box | null)[];
  /** Which of the names have their details below them. */
  told: readonly boolean[];
  words: Taken;
  cost: number;
}

/**
 * Places for the names with their details. Where names find better places without them, only the first name, that of the shown layer,
 * keeps its own, or none; the others have theirs where there is room left.
 */
function placeWords(
  wanted: readonly { point: Place; words: Words; must: boolean }[],
  isTold: boolean,
  { words, units, room, fonts }: Ground,
): PlacedWords {
  let best: { named: Named; first: number } | null = null;
  for (const first of isTold ? [wanted.length, 1, 0] : [0]) {
    const sized = wanted.map((one, at) => ({ ...one, size: sizeOf(one.words, at < first, fonts) }));
    const named = placeNames(sized, room, words, units);
    const weighed = (cost: number) => (first ? cost : Math.floor(cost)); // more names are no reason to say nothing of the shown one
    if (!best || weighed(named.cost) < weighed(best.named.cost)) best = { named, first };
    if (!best.named.cost) break;
  }
  const { named, first } = best as { named: Named; first: number };
  const told = wanted.map(({ words: [, detail] }, at) => {
    if (at < first || !isTold) return isTold;
    const line = { width: textWidth(detail, fonts.detail) + MARGIN, height: 15 };
    const box = named.boxes[at];
    return !!box && takeLineBelow(box, line, room, named.words, units);
  });
  return { ...named, told };
}

/** What a name has around it. */
const MARGIN = 6;

const sizeOf = ([name, detail]: Words, told: boolean, fonts: Fonts): Size => ({
  width: Math.max(textWidth(name, fonts.name), told ? textWidth(detail, fonts.detail) : 0) + MARGIN,
  height: told && detail ? TOLD : NAMED,
});

function nameIn(box: Box, [name, detail]: Words, told: boolean, leader: Tag["leader"], button: HTMLElement | null): Tag {
  const element = button ?? h("div", { class: "layer-name" });
  fill(element, h("b", {}, name), " ", told && detail ? h("span", {}, detail) : null);
  element.style.transform = `translate(-50%, 0) translate(${(box.left + box.right) / 2}px, ${box.top}px)`;
  return { element, box, leader };
}

/** So far below a layer, in pixels, no letter stands where there is another place: a line may lead there to the layer's name. */
const LINE = 60;
/** How wide the name of a layer is, about. */
const NAME = 110;

/**
 * A letter at each analysed unit; a unit of two bits is two elements, and has both letters. Where there is another place none is
 * below a layer, whose name is wanted there.
 */
function lettersAt(
  scene: NetworkScene,
  side: Side,
  shown: string | null,
  { words, units, room }: Omit<Ground, "fonts">,
  below: readonly { body: PlacedLayer; place: Place }[],
): Tag[] {
  const layer = side.network?.layers.find((known) => analysedName(known, side.index) === shown);
  const indices = side.record?.layer === shown ? (side.record?.units?.indices ?? []) : [];
  if (!layer) return [];
  const body = scene.layers.find(({ layers }) => layers.some((at) => side.network?.layers[at] === layer));
  const middle = body && scene.projectPoint([body.x, 0, 0]);
  const clear = words.copy();
  for (const one of below) {
    const { x, y } = one.place;
    const half = one.body === body ? NAME / 2 : 0; // below its own layer stands the name of the shown one
    clear.add({ left: x - half, right: x + half, top: y, bottom: y + LINE });
  }
  return [...new Set(indices)].flatMap((index) => {
    const unit = { layer: layer.name, index };
    const place = scene.project(unit);
    if (!place || place.x < 0 || place.y < 0 || place.x > room.width || place.y > room.height) return [];
    const letter = lettersOf(indices.flatMap((other, at) => (other === index ? [at] : [])));
    const size = { width: letter.length * 8 + 10, height: 17 };
    const away = middle ? Math.atan2(place.y - middle.y, place.x - middle.x) : -Math.PI / 4;
    const reach = scene.reachOf(unit);
    const places = placesAround(place, size, reach, away).filter((at) => isInside(at, size, room));
    const box = takePlace(places, size, clear, units) ?? takePlace(places, size, words, units) ?? takePlace(places, size, words);
    if (!box) return [];
    for (const taken of [words, clear]) taken.add(box);
    const element = h("div", { class: "letter" }, letter);
    element.style.transform = `translate(${box.left}px, ${box.top}px)`;
    return [{ element, box, leader: leaderTo(place, box, reach) }];
  });
}

const isInside = ({ x, y }: Place, { width, height }: Ground["room"], room: Ground["room"]): boolean =>
  x >= 0 && y >= 0 && x + width <= room.width && y + height <= room.height;
