// The bar on top: which run, beside which other, which layer, and how the page looks.
import { fill, h } from "../dom";
import { mark, themeIcon } from "../parts/brand";
import { layersOf } from "../scales/curve";
import { formalismName, formalismsOf } from "../scales/formalism";
import { shortNames } from "../scales/names";
import { liveness } from "../scales/training";
import { storeTheme } from "../theme";
import { tourButton } from "../tour/open";
import type { Context, Panel } from "./panel";

const MOST_OPTIONS = 500;

export function header({ store, controller, tip }: Context): Panel {
  const runs = picker("Run", (id) => void controller.chooseRun("a", id));
  const other = picker("Compare with", (id) => void controller.chooseRun("b", id || null));
  const against = h("input", {
    class: "filter at",
    type: "number",
    min: -1,
    step: 1,
    placeholder: "same",
    "aria-label": "Epoch of B",
  });
  const againstLabel = h(
    "label",
    { class: "pick", title: "-1 is the untrained network; empty is the epoch of A" },
    h("span", {}, "B at epoch"),
    against,
  );
  const showAgainst = () => {
    againstLabel.hidden = !store.state.b;
    against.value = String(store.state.against ?? "");
  };
  against.addEventListener("change", () => {
    void controller.compareAt(against.value === "" ? null : Number(against.value));
    showAgainst(); // the nearest epoch that there is
  });
  store.on(["b", "against"], (state, before) => {
    if (state === before || state.b?.run !== before.b?.run || state.against !== before.against) showAgainst();
  });
  const layers = picker("Layer", (layer) => controller.chooseLayer(layer));
  layers.label.classList.add("layer");
  const formalisms = picker("Formalism", (formalism) => controller.chooseFormalism(formalism));
  formalisms.label.classList.add("formalism");
  const studio = document.documentElement.dataset.iitStudio; // where it is, if this page is a part of it
  const all = h("button", { class: "quiet all-layers", type: "button", title: "All layers (L)", hidden: true });
  all.addEventListener("click", () => store.set({ overview: true }));
  const live = h("span", { class: "live" });
  const theme = h(
    "button",
    { class: "quiet", type: "button", "aria-label": "Light or dark (T)", "data-action": "theme" },
    themeIcon(),
  );
  const otherTheme = () => {
    const next = store.state.theme === "dark" ? "light" : "dark";
    storeTheme(next);
    store.set({ theme: next });
  };
  theme.addEventListener("click", otherTheme);
  const filter = h("input", {
    class: "filter",
    type: "search",
    placeholder: "Filter runs",
    "aria-label": "Filter runs",
    hidden: true,
  });
  filter.addEventListener("input", () => options());
  const keys = h("button", { class: "quiet", type: "button", "aria-label": "Keys" }, "?");
  tip.on(keys, "Keys", [
    ["← →", "epoch before, after"],
    ["Space", "play the activity"],
    ["R", "reset the view"],
    ["+ − and Shift+arrows", "zoom, turn"],
    ["L", "all layers"],
    ["T", "light or dark"],
    ["Esc", "select nothing"],
  ]);

  const options = () => {
    const { runs: known, a, b } = store.state;
    const wanted = filter.value.toLowerCase();
    const shown = known.filter((run) => run.name.toLowerCase().includes(wanted) || run.id === a?.run.id || run.id === b?.run.id);
    const list = (none: boolean) => [
      ...(none ? [h("option", { value: "" }, "no other run")] : []),
      ...shown
        .slice(0, MOST_OPTIONS)
        .map((run) => h("option", { value: run.id }, none && run.id === a?.run.id ? "itself, at another epoch" : run.name)),
    ];
    fill(runs.select, ...list(false));
    fill(other.select, ...list(true));
    if (a) runs.select.value = a.run.id;
    other.select.value = b?.run.id ?? "";
    filter.hidden = known.length < 12;
    other.label.hidden = !known.length;
    runs.label.hidden = !known.length;
  };
  store.on(["runs", "a", "b", "formalism"], (state, before) => {
    if (state === before || state.runs !== before.runs || state.a?.run !== before.a?.run || state.b?.run !== before.b?.run)
      options();
    const index = state.a?.index;
    if (state === before || index !== before.a?.index) {
      const names = index ? layersOf(index) : [];
      all.hidden = names.length < 2;
      fill(all, `All ${names.length}`, h("span", {}, " layers"));
      all.setAttribute("aria-label", `All ${names.length} layers`);
      const short = shortNames(names, 22);
      fill(layers.select, ...names.map((layer) => h("option", { value: layer, title: layer }, short(layer))));
    }
    const whole = state.a?.whole.index;
    if (state === before || whole !== before.a?.whole.index) {
      const known = whole ? formalismsOf(whole) : [];
      fill(formalisms.select, ...known.map((one) => h("option", { value: one }, formalismName(one))));
      formalisms.label.hidden = known.length < 2;
    }
    formalisms.select.value = state.formalism;
    layers.label.hidden = !layers.select.options.length;
    if (state.layer !== null) layers.select.value = state.layer;
  });
  store.on(["layer"], (state) => {
    if (state.layer !== null) layers.select.value = state.layer;
  });
  store.on(["problem", "loaded", "training", "a"], (state) => {
    const phase = state.training?.run === state.a?.run.id ? state.training?.phase : undefined;
    const [kind, words] = liveness(controller.live, state.problem !== "", phase);
    live.className = `live ${kind}`;
    fill(live, h("i"), h("span", {}, words));
    live.title = state.problem;
  });
  const element = h(
    "header",
    { class: "top" },
    h("h1", { class: "brand" }, mark(), h("span", {}, "lightning", h("b", {}, "iit"))),
    studio ? h("a", { class: "quiet back", href: studio }, "Studio") : null,
    runs.label,
    other.label,
    againstLabel,
    filter,
    layers.label,
    all,
    formalisms.label,
    h("span", { class: "grow" }),
    tourButton(store),
    live,
    keys,
    theme,
  );
  return { element, keys: { t: otherTheme } };
}

function picker(name: string, chosen: (value: string) => void) {
  const select = h("select", { "aria-label": name });
  select.addEventListener("change", () => chosen(select.value));
  return { select, label: h("label", { class: "pick" }, h("span", {}, name), select) };
}
