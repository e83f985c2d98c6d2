// The network in three dimensions, of one run or of two side by side, and the bar that plays its activity.
import { h } from "../dom";
import { legend, playbar } from "../parts/playbar";
import { about } from "../parts/sheet";
import type { Stage } from "../parts/stage";
import { makeStage } from "../parts/stage";
import { networkProbe } from "../probe";
import { film, typeOfFilm } from "../save/film";
import { scenePng } from "../save/scene";
import type { AppState } from "../state/app";
import type { Store } from "../state/store";
import type { Context, Panel } from "./panel";

export function networkPanel(context: Context): Panel {
  const stages: { a: Stage; b: Stage | null } = { a: makeStage(context, "a"), b: null };
  const scenes = h("div", { class: "scenes" }, stages.a.element);
  const { store } = context;
  const { scene } = stages.a;
  const shownStages = () =>
    [stages.a, stages.b].flatMap((stage, at) => (stage?.scene && store.state[at ? "b" : "a"]?.network ? [stage] : []));
  const resetView = () => {
    scene?.resetView();
    stages.b?.scene?.resetView();
  };
  if (scene) scene.orbit.onturned = (camera) => store.set({ camera });
  store.on(["camera"], ({ camera }) => {
    if (!scene || JSON.stringify(camera) === JSON.stringify(scene.pose)) return;
    if (camera) scene.orbit.take(camera);
    else if (scene.orbit.moved) scene.resetView();
  });
  const bar = playbar(context, resetView, () => stages.a.scene?.lastFrameMs ?? 0);
  let untie = () => {};
  store.on(["b"], (state) => {
    if (state.b && !stages.b) {
      stages.b = makeStage(context, "b");
      scenes.append(stages.b.element);
      untie = tieCameras(store, stages.a, stages.b);
    } else if (!state.b && stages.b) {
      untie();
      stages.b.dispose();
      stages.b = null;
    }
    scenes.classList.toggle("two", state.b !== null);
  });
  // The view that was made for two networks is of one again.
  store.on(["a", "b"], ({ a, b }, before) => {
    if (before.b?.network && !b?.network && scene && !scene.orbit.moved) scene.resetView();
    const other = stages.b?.scene;
    if (before.a?.network && !a?.network && other && !other.orbit.moved) other.resetView();
  });
  return {
    element: h(
      "section",
      { class: "network card", "aria-label": "The network" },
      h("h2", { class: "visually-hidden" }, "The network"),
      scenes,
      about("network"),
      legend(context),
      bar.element,
    ),
    keys: { r: resetView, " ": bar.toggle },
    figures: [
      {
        name: "Network, without ground",
        file: "network",
        kind: () => "",
        there: () => shownStages().length > 0,
        png: () => scenePng(shownStages()),
      },
      {
        name: "Film of the training",
        file: "film",
        kind: () => "", // said in the film itself
        there: () => shownStages().length > 0 && typeOfFilm() !== undefined,
        webm: (told, signal) => film(context, shownStages(), told, signal),
      },
    ],
    probe: networkProbe((side) => stages[side]?.scene ?? null),
  };
}

/** Two networks side by side are seen from the same place; the answer ends it. */
function tieCameras(store: Store<AppState>, a: Stage, b: Stage): () => void {
  const [first, second] = [a.scene, b.scene];
  if (!first || !second) return () => {};
  const seen = ({ layers, orbit }: typeof first) => ({ layers, room: orbit.room });
  first.orbit.beside = () => (store.state.b?.network ? seen(second) : null);
  second.orbit.beside = () => (store.state.a?.network ? seen(first) : null);
  let busy = false;
  const copy = (from: typeof first, to: typeof first) => {
    busy = true;
    to.orbit.camera.position.copy(from.orbit.camera.position);
    to.orbit.controls.target.copy(from.orbit.controls.target);
    to.orbit.moved ||= from.orbit.moved;
    to.orbit.controls.update();
    to.invalidate();
    busy = false;
  };
  const tie = (from: typeof first, to: typeof first) => {
    const follow = () => {
      if (busy) return;
      // A view that a person or the address chose is kept where the other network is only now fitted.
      if (to.orbit.moved && !from.orbit.moved) copy(to, from);
      else copy(from, to);
    };
    from.orbit.controls.addEventListener("change", follow);
    return () => from.orbit.controls.removeEventListener("change", follow);
  };
  const ends = [tie(first, second), tie(second, first)];
  return () => {
    first.orbit.beside = () => null;
    for (const end of ends) end();
  };
}
