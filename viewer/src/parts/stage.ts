// One network in three dimensions, with names over it.
import type { LiveStep, NetworkSnapshot, Unit } from "../data/types";
import { fill, h } from "../dom";
import { firstOpen, partsOf } from "../layout/blocks";
import type { Context } from "../panels/panel";
import { nowOf } from "../scales/activity";
import { unitLetter } from "../scales/bits";
import { epochName, number } from "../scales/format";
import { NetworkScene } from "../scene/scene";
import type { Side } from "../state/app";
import { analysedName, epochOf, isLive } from "../state/app";
import { blockButtons } from "./blockButtons";
import { drawNames, roomForWords } from "./names";
import { placeOfShown, shownWords, withUnits } from "./shownLayer";

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
  const buttons = blockButtons((block) => toggle(block));
  // The notes stand below the picture, not over it: they may be long, and all of the picture is the network's and its names'.
  const view = h("div", { class: "view" }, canvas, buttons.element, title);
  const element = h("div", { class: "stage", "data-side": which }, view, note);
  const scene = makeScene(canvas, note);
  let hovered: Unit | null = null;
  const open = { run: "", blocks: "", names: new Set<string>() };

  const labels = () => {
    const side = store.state[which];
    if (scene && side?.network) drawNames(names, scene, side, store.state.layer, buttons);
  };
  const draw = () => {
    const side = store.state[which];
    if (!scene || !side?.network || !side.reference) return;
    const network = withUnits(side.network, side.index, side.record);
    const blocks = JSON.stringify(network.blocks);
    if (open.run !== side.run.id || open.blocks !== blocks) {
      Object.assign(open, { run: side.run.id, blocks, names: firstOpen(network) });
    }
    const focus = placeOfShown(network, side.index, store.state.layer);
    buttons.set(network, open.names);
    scene.show(network, side.reference, focus < 0 ? null : focus, open.names);
  };
  const toggle = (block: string) => {
    if (!open.names.delete(block)) open.names.add(block);
    tip.hide();
    draw();
  };
  if (scene) {
    scene.onmoved = labels;
    scene.orbit.words = () => roomForWords(names);
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
    store.on(["a", "b", "layer"], (state, before) => {
      const side = state[which];
      const at = state.against === null || !side?.network ? "" : `, ${epochName(side.network.epoch)}`;
      const old = side?.network ? staleOf(side.network, epochOf(state, which)) : null;
      title.textContent = state.b && side ? `${which.toUpperCase()} · ${side.run.name}${at}` : old ? `network of ${old}` : "";
      title.classList.toggle("old", !state.b && old !== null);
      const changed =
        state === before ||
        state.layer !== before.layer ||
        side?.network !== before[which]?.network ||
        side?.record !== before[which]?.record ||
        side?.reference !== before[which]?.reference;
      if (!side?.network || !side.reference) {
        scene?.clear();
        hovered = null;
        fill(names);
        buttons.set(null, new Set());
        fill(note, side?.networkProblem ?? "");
      } else if (scene) {
        if (changed) draw();
        const shown = shownWords(side.network, side.index, state.layer);
        const notes = [...(shown ? [shown] : []), ...side.network.notes];
        fill(note, ...notes.map((text) => h("div", { title: text }, text)), stale(side, epochOf(state, which)));
      } else {
        fill(note, noWebGL(side.network));
      }
      element.classList.toggle("empty", !side?.network);
      element.classList.toggle("none", !side?.network && Boolean(side?.networkProblem));
    }),
    store.on(["step"], (state) => scene?.setStep(state.step)),
    store.on(["a", "now", "follow", "playing"], (state, before) => {
      const { now, a } = state;
      if (state !== before && now === before.now && a?.network === before.a?.network && isLive(state) === isLive(before)) return;
      scene?.setNow(which === "a" && now && a?.network && isLive(state) ? nowOf(a.network.layers, now) : null);
    }),
    store.on(["beat"], (state) => scene?.setBeat(state.beat)),
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
  let pressed = { x: 0, y: 0 };
  canvas.addEventListener("pointerdown", ({ clientX: x, clientY: y }) => (pressed = { x, y }));
  canvas.addEventListener("click", (event) => {
    if (hovered) return controller.chooseUnit(hovered);
    if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 4) return; // the network was turned
    const block = scene ? blockUnder(scene, canvas, event) : null;
    const known = store.state[which]?.network?.blocks[block ?? -1];
    if (known) toggle(known.name);
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

/** The epoch of a network that is not of the shown epoch, in words. */
const staleOf = (network: NetworkSnapshot, epoch: number | null): string | null =>
  epoch === null || network.epoch === epoch ? null : epochName(network.epoch);

function stale(side: Side, epoch: number | null): HTMLElement | null {
  const old = side.network && staleOf(side.network, epoch);
  return old ? h("div", {}, `No snapshot of ${epochName(epoch as number)}: this is ${old}.`) : null;
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
    const block = unit ? null : blockUnder(scene, canvas, event);
    canvas.classList.toggle("over", unit !== null || block !== null);
    const side = store.state[which];
    const known = side?.network?.blocks[block ?? -1];
    if (side?.network && known) {
      return tip.show(event.clientX, event.clientY, known.name, [
        ["block", `${known.kind}: ${partsOf(side.network, known.layers)}`],
        ["", "a click opens it"],
      ]);
    }
    if (!unit || !side) return tip.hide();
    const now = which === "a" && isLive(store.state) ? store.state.now : null;
    const [title, lines] = nameNode(side, unit, store.state.step, store.state.layer, now);
    tip.show(event.clientX, event.clientY, title, lines);
  });
  canvas.addEventListener("pointerleave", () => hover(null));
}

function blockUnder(scene: NetworkScene, canvas: HTMLElement, { clientX, clientY }: MouseEvent): number | null {
  const box = canvas.getBoundingClientRect();
  return scene.pickBlock(clientX - box.left, clientY - box.top);
}

/** What is known of a neuron: layer, unit, mean activity, threshold; with `now` what it does in the training now. */
export function nameNode(
  side: Side,
  unit: Unit,
  step: number,
  shownLayer: string | null,
  now: LiveStep | null = null,
): [string, [string, string][]] {
  const layer = side.network?.layers.find((known) => known.name === unit.layer);
  const lines: [string, string][] = [];
  if (layer) {
    const position = layer.indices.indexOf(unit.index);
    lines.push(["layer", [layer.part, layer.detail || layer.kind].filter(Boolean).join(" · ")]);
    lines.push(["mean activity", number(layer.mean_activity[position])]);
    const rows = layer.activity;
    const told = now && nowOf([layer], now)[0]?.[position];
    if (told != null) lines.push([`activity at step ${now?.step}`, number(told)]);
    else if (rows.length) lines.push(["activity now", number(rows[Math.floor(step) % rows.length]?.[position])]);
    const name = analysedName(layer, side.index);
    const units = side.record?.units;
    const own = name === shownLayer ? units : undefined;
    const elements = own?.indices.flatMap((index, at) => (index === unit.index ? [at] : [])) ?? [];
    for (const at of elements)
      lines.push(["analysed as", unitLetter(at)], ["threshold", number(side.record?.thresholds?.values[at])]);
    if (!own && layer.analysed.includes(unit.index)) lines.push(["analysed in", name ?? layer.name]);
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
