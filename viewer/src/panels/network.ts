// The network in three dimensions, of one run or of two side by side, and the bar that plays its activity.
import { h } from "../dom";
import { legend, playbar } from "../parts/playbar";
import type { Stage } from "../parts/stage";
import { makeStage } from "../parts/stage";
import { networkProbe } from "../probe";
import type { Context, Panel } from "./panel";

export function networkPanel(context: Context): Panel {
  const stages: { a: Stage; b: Stage | null } = { a: makeStage(context, "a"), b: null };
  const scenes = h("div", { class: "scenes" }, stages.a.element);
  const resetView = () => {
    stages.a.scene?.resetView();
    stages.b?.scene?.resetView();
  };
  const bar = playbar(context, resetView, () => stages.a.scene?.lastFrameMs ?? 0);
  let untie = () => {};
  context.store.on(["b"], (state) => {
    if (state.b && !stages.b) {
      stages.b = makeStage(context, "b");
      scenes.append(stages.b.element);
      untie = tieCameras(stages.a, stages.b);
    } else if (!state.b && stages.b) {
      untie();
      stages.b.dispose();
      stages.b = null;
    }
    scenes.classList.toggle("two", state.b !== null);
  });
  return {
    element: h("section", { class: "network card", "aria-label": "The network" }, scenes, legend(), bar.element),
    keys: { r: resetView, " ": bar.toggle },
    probe: networkProbe((side) => stages[side]?.scene ?? null),
  };
}

/** Two networks side by side are seen from the same place; the answer ends it. */
function tieCameras(a: Stage, b: Stage): () => void {
  const [first, second] = [a.scene, b.scene];
  if (!first || !second) return () => {};
  let busy = false;
  const tie = (from: typeof first, to: typeof first) => {
    const follow = () => {
      if (busy) return;
      busy = true;
      to.orbit.camera.position.copy(from.orbit.camera.position);
      to.orbit.controls.target.copy(from.orbit.controls.target);
      to.orbit.controls.update();
      to.invalidate();
      busy = false;
    };
    from.orbit.controls.addEventListener("change", follow);
    return () => from.orbit.controls.removeEventListener("change", follow);
  };
  const ends = [tie(first, second), tie(second, first)];
  return () => ends.forEach((end) => end());
}
