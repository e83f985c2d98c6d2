// The page: puts the panels in their places, and hands the keys of the keyboard to them.
import uplotStyle from "uplot/dist/uPlot.min.css?inline";
import baseStyle from "./base.css?inline";
import controlStyle from "./control.css?inline";
import type { Source } from "./data/source";
import type { Home } from "./data/types";
import { h } from "./dom";
import { isCutOff } from "./history";
import type { Place } from "./panels";
import { CARDS, PANELS } from "./panels";
import type { Context, Panel } from "./panels/panel";
import { cutOffNote, shareMenu } from "./parts/shareMenu";
import { tabs } from "./parts/tabs";
import { Tip } from "./parts/tip";
import { probe } from "./probe";
import shareStyle from "./share.css?inline";
import type { AppState } from "./state/app";
import { firstState, shownKind } from "./state/app";
import { Controller } from "./state/controller";
import { Store } from "./state/store";
import style from "./style.css?inline";
import wholeStyle from "./whole.css?inline";

/** On so wide a screen, where all cards are seen, the comparison stands below the networks and the curves that it compares. */
const WIDE = window.matchMedia("(min-width: 1640px)");

export function page(
  body: HTMLElement,
  source: Source,
  theme: "light" | "dark",
  home: Home,
): { store: Store<AppState>; controller: Controller } {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(uplotStyle + baseStyle + style + shareStyle + controlStyle + wholeStyle);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  document.title ||= "lightning-iit";
  document.documentElement.lang ||= "en"; // the frame of a tab has none
  const store = new Store(firstState(theme));
  const controller = new Controller(source, store);
  const context: Context = { store, controller, tip: new Tip() };
  const placed = PANELS.map(({ make, place }) => ({ place, panel: make(context) }));
  const panels = placed.map(({ panel }) => panel);
  const root = arranged(placed, context);
  const figures = panels.flatMap((panel) => panel.figures ?? []);
  const top = root.querySelector(".top");
  if (isCutOff()) top?.after(cutOffNote());
  else top?.append(shareMenu(context, figures, home));
  root.dataset.home = home;
  body.replaceChildren(root);
  store.on(["theme"], (state) => {
    root.dataset.theme = state.theme;
    body.dataset.theme = state.theme;
  });
  store.on(["formalism"], ({ formalism }) => {
    root.dataset.formalism = formalism;
  });
  store.on(["b"], ({ b }) => root.classList.toggle("two-runs", b !== null));
  store.on(["a", "b", "shown"], (state, before) => {
    if (state.a?.run !== before.a?.run || state.b?.run !== before.b?.run || state.shown !== before.shown) context.tip.hide();
  });
  shortcuts([...panels, { keys: { Escape: () => store.set({ unit: null, lit: null }) } }]);
  window.lightningIIT = probe(store, panels);
  return { store, controller };
}

/** The frame of the page with each panel in its place. */
function arranged(placed: readonly { place: Place; panel: Panel }[], { store, tip }: Context): HTMLElement {
  const at = (wanted: Place) => placed.flatMap(({ place, panel }) => (place === wanted ? [panel.element] : []));
  const cards = CARDS.map(({ id, name, rest, title }) => {
    const heading = h("h2", {});
    store.on(["a", "b", "shown"], (state) => {
      // Of two runs all cards but the comparison show one.
      const of = state.b && id !== "compare" ? ` of ${state.shown.toUpperCase()}` : "";
      heading.textContent = title(shownKind(state)) + of;
    });
    return { id, name, rest, panel: h("section", { class: "panel card" }, heading, ...at(id)) };
  });
  const side = tabs(cards, (tab) => store.set({ tab }));
  store.on(["tab"], ({ tab }) => side.choose(tab));
  const left = h("div", { class: "left" }, ...at("left"));
  const compare = cards.find(({ id }) => id === "compare")?.panel;
  const place = () => compare && (WIDE.matches ? left : side.element).append(compare);
  WIDE.addEventListener("change", place);
  place();
  return h(
    "div",
    { class: "iit" },
    h("div", {}, ...at("top")),
    h("div", {}, ...at("summary")),
    h("main", {}, left, side.element),
    ...at("over"),
    tip.element,
  );
}

function shortcuts(panels: readonly Pick<Panel, "keys">[]): void {
  const actions = new Map(panels.flatMap(({ keys }) => Object.entries(keys ?? {})));
  window.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    if (event.key === " " && target.tagName === "BUTTON") return; // it presses the button
    const action = actions.get(event.key);
    if (!action) return;
    event.preventDefault();
    action();
  });
}
