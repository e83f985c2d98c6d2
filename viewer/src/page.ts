// The page: its panels and its keys.
import uplotStyle from "uplot/dist/uPlot.min.css?inline";
import type { Source } from "./data/source";
import type { Home } from "./data/types";
import { h } from "./dom";
import { banner } from "./panels/banner";
import { causalPanel } from "./panels/causal";
import { commandPanel } from "./panels/command";
import { conceptsPanel } from "./panels/concepts";
import type { Context } from "./panels/context";
import { curvePanel } from "./panels/curve";
import { emptyPanel } from "./panels/empty";
import { header } from "./panels/header";
import type { NetworkPanel } from "./panels/network";
import { networkPanel } from "./panels/network";
import { legend, playbar } from "./panels/playbar";
import { reading } from "./panels/reading";
import { recordCurvePanel } from "./panels/recordCurve";
import { tabs } from "./panels/tabs";
import { Tip } from "./panels/tip";
import { tpmPanel } from "./panels/tpm";
import { probe } from "./probe";
import type { AppState } from "./state/app";
import { firstState } from "./state/app";
import { Controller } from "./state/controller";
import { Store } from "./state/store";
import style from "./style.css?inline";
import { storeTheme } from "./theme";

export function page(
  body: HTMLElement,
  source: Source,
  theme: "light" | "dark",
  home: Home,
): { store: Store<AppState>; controller: Controller } {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(uplotStyle + style);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  document.title ||= "lightning-iit";
  const store = new Store(firstState(theme));
  const controller = new Controller(source, store);
  const context: Context = { store, controller, tip: new Tip() };
  const stages: { a: NetworkPanel; b: NetworkPanel | null } = { a: networkPanel(context, "a"), b: null };
  const scenes = h("div", { class: "scenes" }, stages.a.element);
  const resetView = () => {
    stages.a.scene?.resetView();
    stages.b?.scene?.resetView();
  };
  const bar = playbar(context, resetView, () => stages.a.scene?.lastFrameMs ?? 0);
  const causal = h(
    "section",
    { class: "panel card" },
    h("h2", {}, "Causal system"),
    causalPanel(context),
    conceptsPanel(context),
    commandPanel(context),
  );
  const curve = curvePanel(context);
  const tpm = h(
    "section",
    { class: "panel card" },
    h("h2", {}, "Transition probabilities"),
    tpmPanel(context),
    recordCurvePanel(context),
  );
  const root = h(
    "div",
    { class: "iit", "data-home": home },
    h("div", {}, header(context), banner(context)),
    reading(context),
    h(
      "main",
      {},
      h(
        "div",
        { class: "left" },
        h("section", { class: "network card", "aria-label": "The network" }, scenes, legend(), bar.element),
        curve.element,
      ),
      tabs([
        { id: "causal", name: "Causal system", panel: causal },
        { id: "tpm", name: "TPM", panel: tpm },
      ]),
    ),
    emptyPanel(context),
    context.tip.element,
  );
  body.replaceChildren(root);
  store.on(["theme"], (state) => {
    root.dataset.theme = state.theme;
    body.dataset.theme = state.theme;
  });
  let untie = () => {};
  store.on(["b"], (state) => {
    if (state.b && !stages.b) {
      stages.b = networkPanel(context, "b");
      scenes.append(stages.b.element);
      untie = tieCameras(stages.a, stages.b);
    } else if (!state.b && stages.b) {
      untie();
      stages.b.dispose();
      stages.b = null;
    }
    scenes.classList.toggle("two", state.b !== null);
  });
  shortcuts(store, controller, bar.toggle, resetView);
  window.lightningIIT = probe(store, stages, curve.place);
  return { store, controller };
}

/** Two networks side by side are seen from the same place; the answer ends it. */
function tieCameras(a: NetworkPanel, b: NetworkPanel): () => void {
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

function shortcuts(store: Store<AppState>, controller: Controller, play: () => void, resetView: () => void): void {
  window.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => controller.stepEpoch(-1),
      ArrowRight: () => controller.stepEpoch(1),
      r: resetView,
      t: () => {
        const theme = store.state.theme === "dark" ? "light" : "dark";
        storeTheme(theme);
        store.set({ theme });
      },
      Escape: () => store.set({ unit: null, lit: null }),
    };
    if (event.key === " " && target.tagName !== "BUTTON") actions[" "] = play;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
