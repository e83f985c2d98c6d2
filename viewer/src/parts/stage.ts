// One network in three dimensions, with names over it.
import type { NetworkSnapshot, Unit } from "../data/types";
import { fill, h } from "../dom";
import type { Context } from "../panels/panel";
import { lettersOf, unitLetter } from "../scales/bits";
import { number } from "../scales/format";
import { NetworkScene } from "../scene/scene";
import type { Side } from "../state/app";
import { analysedName } from "../state/app";

export interface Stage {
  element: HTMLElement;
  scene: NetworkScene | null;
  dispose(): void;
}

export function makeStage(context: Context, which: "a" | "b"): Stage {
  const { store, controller, tip } = context;
  const names = h("div", { class: "names", "aria-hidden": "true" });
  const note = h("div", { class: "stage-note" });
  const title = h("div", { class: "stage-title" });
  const canvas = h("div", {
    class: "canvas",
    tabindex: 0,
    role: "application",
    "aria-label": "The network in three dimensions: drag or Shift+arrows to turn, plus and minus to zoom, R to reset",
  });
  canvas.append(names);
  const element = h("div", { class: "stage", "data-side": which }, canvas, title, note);
  const scene = makeScene(canvas, note);
  let hovered: Unit | null = null;

  const labels = () => {
    const side = store.state[which];
    if (scene && side?.network) drawNames(names, scene, side, store.state.layer);
  };
  if (scene) {
    scene.onframe = labels;
    pointer(scene, canvas, context, which, (unit) => {
      if (unit?.index === hovered?.index && unit?.layer === hovered?.layer) return;
      hovered = unit;
      scene.mark({ hovered });
    });
    keys(scene, canvas);
    canvas.addEventListener(
      "webglcontextlost",
      () => fill(note, "The graphics card let go of the picture; reload the page to see it again."),
      true,
    );
  }

  const off = [
    store.on(["a", "b"], (state, before) => {
      const side = state[which];
      title.textContent = state.b && side ? `${which.toUpperCase()} · ${side.run.name}` : "";
      const changed = state === before || side?.network !== before[which]?.network || side?.reference !== before[which]?.reference;
      if (side?.network && side.reference && scene) {
        if (changed) scene.show(side.network, side.reference);
        fill(note, ...side.network.notes.map((text) => h("div", {}, text)), stale(side, state.epoch));
      } else if (scene) {
        fill(note, side?.networkProblem ?? "");
      } else if (side?.network) {
        fill(note, noWebGL(side.network));
      }
      element.classList.toggle("empty", !side?.network);
    }),
    store.on(["step"], (state) => scene?.setStep(state.step)),
    store.on(["theme"], (state) => scene?.setTheme(state.theme)),
    store.on(["unit", "lit", "layer", "a", "b"], (state) => {
      const side = state[which];
      const layer = side?.network?.layers.find((known) => analysedName(known, side.index) === state.layer);
      const units = side?.record?.units?.indices ?? layer?.analysed ?? [];
      const find = (system: number[]): Unit[] =>
        layer ? system.flatMap((at) => (units[at] === undefined ? [] : [{ layer: layer.name, index: units[at] }])) : [];
      scene?.mark({
        chosen: state.unit,
        mechanism: find(state.lit?.mechanism ?? []),
        others: find([...(state.lit?.cause ?? []), ...(state.lit?.effect ?? [])]),
      });
      scene?.invalidate();
    }),
  ];
  canvas.addEventListener("click", () => {
    if (hovered) controller.chooseUnit(hovered);
  });
  canvas.addEventListener("mouseleave", () => tip.hide());
  return {
    element,
    scene,
    dispose: () => {
      for (const end of off) end();
      scene?.dispose();
      element.remove();
    },
  };
}

function makeScene(canvas: HTMLElement, note: HTMLElement): NetworkScene | null {
  try {
    return new NetworkScene(canvas);
  } catch {
    fill(note, "This browser shows no WebGL, so there is no picture in three dimensions; all else works.");
    return null;
  }
}

/** What the picture would show, as a list. */
function noWebGL(network: NetworkSnapshot): HTMLElement {
  return h(
    "div",
    { class: "no-webgl" },
    h(
      "p",
      {},
      "This browser shows no WebGL, so there is no picture in three dimensions; all else works. The layers in forward order:",
    ),
    h(
      "ol",
      {},
      ...network.layers.map((layer) => h("li", {}, h("b", {}, layer.name), ` ${layer.detail || layer.kind}, ${layer.width} units`)),
    ),
  );
}

function stale(side: Side, epoch: number | null): HTMLElement | null {
  const at = side.network?.epoch;
  return at !== undefined && epoch !== null && at !== epoch
    ? h("div", {}, `No snapshot of epoch ${epoch}: this is epoch ${at}.`)
    : null;
}

function pointer(
  scene: NetworkScene,
  canvas: HTMLElement,
  context: Context,
  which: "a" | "b",
  hover: (unit: Unit | null) => void,
): void {
  const { store, tip } = context;
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) return tip.hide();
    const box = canvas.getBoundingClientRect();
    const unit = scene.pick(event.clientX - box.left, event.clientY - box.top);
    hover(unit);
    canvas.classList.toggle("over", unit !== null);
    const side = store.state[which];
    if (!unit || !side) return tip.hide();
    const [title, lines] = nameNode(side, unit, store.state.step, store.state.layer);
    tip.show(event.clientX, event.clientY, title, lines);
  });
  canvas.addEventListener("pointerleave", () => hover(null));
}

/** What is known of a neuron: layer, unit, mean activity, threshold. */
export function nameNode(side: Side, unit: Unit, step: number, shownLayer: string | null): [string, [string, string][]] {
  const layer = side.network?.layers.find((known) => known.name === unit.layer);
  const lines: [string, string][] = [];
  if (layer) {
    const position = layer.indices.indexOf(unit.index);
    lines.push(["layer", layer.detail || layer.kind]);
    lines.push(["mean activity", number(layer.mean_activity[position])]);
    const rows = layer.activity;
    if (rows.length) lines.push(["activity now", number(rows[Math.floor(step) % rows.length]?.[position])]);
    const name = analysedName(layer, side.index);
    const units = side.record?.units;
    if (layer.analysed.includes(unit.index) && name === shownLayer && units) {
      const elements = units.indices.flatMap((index, at) => (index === unit.index ? [at] : []));
      for (const at of elements)
        lines.push(["analysed as", unitLetter(at)], ["threshold", number(side.record?.thresholds?.values[at])]);
    } else if (layer.analysed.includes(unit.index)) {
      lines.push(["analysed in", name ?? layer.name]);
    }
  }
  return [`${unit.layer} · unit ${unit.index}`, lines];
}

function keys(scene: NetworkScene, canvas: HTMLElement): void {
  canvas.addEventListener("keydown", (event) => {
    const turn: Record<string, [number, number]> = {
      ArrowLeft: [-0.15, 0],
      ArrowRight: [0.15, 0],
      ArrowUp: [0, -0.12],
      ArrowDown: [0, 0.12],
    };
    const by = event.shiftKey ? turn[event.key] : undefined;
    if (by) scene.orbit.move(by[0], by[1], 1);
    else if (event.key === "+" || event.key === "=") scene.orbit.move(0, 0, 0.88);
    else if (event.key === "-") scene.orbit.move(0, 0, 1.14);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** The layers' names under them, in rows so that none covers another, and letters at the analysed units. */
function drawNames(names: HTMLElement, scene: NetworkScene, side: Side, shown: string | null): void {
  const network = side.network as NetworkSnapshot;
  const ends: number[] = [];
  const placed = scene.layers
    .map((layer, at) => ({ layer, info: network.layers[at], place: scene.projectPoint([layer.x, -layer.radius - 1.3, 0]) }))
    .filter(({ place, info }) => place.depth < 1 && info !== undefined)
    .sort((a, b) => a.place.x - b.place.x);
  const tags = placed.map(({ info, place }) => {
    const layer = info as NetworkSnapshot["layers"][number];
    const sample =
      layer.indices.length < layer.width
        ? `${layer.indices.length} of ${layer.width} shown`
        : `${layer.width} unit${layer.width === 1 ? "" : "s"}`;
    const half = Math.max(layer.name.length * 3.9, sample.length * 3.2) + 8;
    let row = 0;
    while (ends[row] !== undefined && (ends[row] as number) > place.x - half) row++;
    if (row > 2) return null;
    ends[row] = place.x + half;
    const tag = h(
      "div",
      { class: "layer-name" },
      h("b", {}, layer.name),
      h("span", {}, layer.kind === "input" ? sample : `${layer.kind} · ${sample}`),
    );
    tag.classList.toggle("current", analysedName(layer, side.index) === shown);
    tag.style.transform = `translate(-50%, 0) translate(${place.x}px, ${place.y + row * 32}px)`;
    return tag;
  });
  const layer = network.layers.find((known) => analysedName(known, side.index) === shown);
  const units = side.record?.layer === shown ? (side.record?.units?.indices ?? []) : [];
  // A unit of two bits is two elements, and has both letters.
  const letters = layer
    ? [...new Set(units)].map((index) => {
        const place = scene.project({ layer: layer.name, index });
        if (!place) return null;
        const tag = h("div", { class: "letter" }, lettersOf(units.flatMap((other, at) => (other === index ? [at] : []))));
        tag.style.transform = `translate(${place.x + 7}px, ${place.y - 21}px)`;
        return tag;
      })
    : [];
  fill(names, ...tags, ...letters);
}
