// Plays the recorded activity of a few real samples, step by step.

import { fill, h, s } from "../dom";
import type { Context } from "../panels/panel";
import { NEGATIVE, POSITIVE, sequential } from "../scales/color";
import { count } from "../scales/format";
import { isLive } from "../state/app";
import { momentAt, STEP_MS, wantsRest } from "./moment";
import { hasOthers, placeOfShown } from "./shownLayer";

export interface Playbar {
  element: HTMLElement;
  toggle(): void;
  dispose(): void;
}

export function playbar({ store }: Context, resetView: () => void, frameMs: () => number): Playbar {
  const play = h("button", { class: "round", type: "button", "data-action": "play" });
  const slider = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Step of the recorded activity" });
  const where = h("output", { class: "step" });
  const speed = h("select", { "aria-label": "Speed" }, ...[0.25, 0.5, 1, 2, 4].map((value) => h("option", { value }, `${value}×`)));
  speed.value = "1";
  const reset = h("button", { class: "quiet", type: "button", "data-action": "reset", title: "Reset the view (R)" }, "Reset view");
  let stop = () => {};
  let began = 0;
  let from = 0;

  const steps = () => store.state.a?.network?.steps ?? store.state.b?.network?.steps ?? [];
  const tick = () => {
    if (!store.state.playing) return;
    const many = steps().length;
    if (many < 2) return store.set({ playing: false });
    const position = from + ((performance.now() - began) * store.state.speed) / STEP_MS;
    // Where frames are cheap the values glide and pulses run; where they are not, each step is one frame.
    const glides = frameMs() < 12 && !wantsRest();
    store.set(momentAt(position, many, glides));
    const left = Math.floor(position) + 1 - position;
    stop = glides ? nextFrame(tick) : later(tick, Math.max(60, (left * STEP_MS) / store.state.speed));
  };
  const toggle = () => {
    store.set({ playing: !store.state.playing && steps().length > 1 });
    stop();
    [began, from] = [performance.now(), Math.floor(store.state.step)];
    tick();
  };
  play.addEventListener("click", toggle);
  reset.addEventListener("click", resetView);
  speed.addEventListener("change", () => {
    [began, from] = [performance.now(), store.state.step];
    store.set({ speed: Number(speed.value) });
  });
  slider.addEventListener("input", () => {
    [began, from] = [performance.now(), Number(slider.value)];
    store.set({ step: Number(slider.value), beat: null });
  });
  let run = () => {};
  const ends = [
    () => run(),
    store.on(["now"], (state, before) => {
      if (state.now === before.now) return;
      run();
      if (isLive(state)) run = runPulses(store, !wantsRest() && frameMs() < 12);
      else if (!state.playing) store.set({ beat: null });
    }),
    store.on(["playing"], ({ playing }) => {
      play.setAttribute("aria-label", playing ? "Pause (space)" : "Play the activity (space)");
      fill(play, icon(playing));
    }),
    store.on(["step", "a", "b", "now", "follow", "playing"], (state) => {
      const list = steps();
      const at = list.length ? Math.floor(state.step) % list.length : 0;
      slider.max = String(Math.max(0, list.length - 1));
      slider.value = String(at);
      slider.disabled = play.disabled = list.length < 2;
      const of = h("span", { class: "of" }, "activity in ");
      if (isLive(state)) fill(where, `live: step ${count(state.now?.step ?? 0)}`);
      else if (list[at]) fill(where, of, `sample ${list[at][0] + 1}, step ${list[at][1] + 1}`);
      else fill(where, "no activity");
    }),
  ];
  return {
    element: h("div", { class: "playbar" }, play, slider, where, speed, h("span", { class: "grow" }), reset),
    toggle,
    dispose: () => {
      stop();
      for (const end of ends) end();
    },
  };
}

/** Has pulses run through the network once, as in a step of its training; the answer ends it. */
function runPulses(store: Context["store"], glides: boolean): () => void {
  if (!glides) {
    store.set({ beat: "still" });
    return () => {};
  }
  const began = performance.now();
  let end = () => {};
  const tick = () => {
    if (!isLive(store.state)) return;
    const beat = (performance.now() - began) / STEP_MS;
    store.set({ beat: beat < 1 ? beat : null });
    if (beat < 1) end = nextFrame(tick);
  };
  tick();
  return () => end();
}

function nextFrame(then: () => void): () => void {
  const frame = requestAnimationFrame(then);
  return () => cancelAnimationFrame(frame);
}

function later(then: () => void, ms: number): () => void {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
}

function icon(playing: boolean): SVGElement {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    playing
      ? s("path", { d: "M7 5h4v14H7zM14 5h4v14h-4z", fill: "currentColor" })
      : s("path", { d: "M8 5v14l11-7z", fill: "currentColor" }),
  );
}

/** What the colours and rings of the network mean. */
export function legend({ store }: Context): HTMLElement {
  const shown = h("span", { class: "key" }, h("i", { class: "ring" }), "analysed");
  const others = h("span", { class: "key" }, h("i", { class: "ring other" }), "of other layers");
  store.on(["a", "layer"], ({ a, layer }) => {
    const network = a?.network ?? { layers: [] };
    const two = hasOthers(network, a?.index ?? null, layer);
    others.hidden = !two;
    shown.hidden = two && placeOfShown(network, a?.index ?? null, layer) < 0;
    others.lastChild?.replaceWith(shown.hidden ? "analysed, of other layers" : "of other layers");
  });
  const ramp = Array.from({ length: 9 }, (_, at) => sequential(at / 8)).join(", ");
  return h(
    "div",
    { class: "legend" },
    h("span", { class: "key" }, h("i", { class: "stroke", style: { background: NEGATIVE } }), "− weight"),
    h("span", { class: "key" }, h("i", { class: "stroke thick", style: { background: POSITIVE } }), "+ weight"),
    h(
      "span",
      { class: "key" },
      "low",
      h("i", { class: "ramp", style: { background: `linear-gradient(90deg, ${ramp})` } }),
      "high activity",
    ),
    shown,
    others,
  );
}
