// All layers of the run as a list with a search: of each a small curve of its Φ. Lies over the page while it is open.
import { fill, h, s } from "../dom";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import type { Figure } from "../save/figure";
import { overviewCsv, overviewFigure } from "../save/overview";
import { layersOf } from "../scales/curve";
import { formalismName } from "../scales/formalism";
import { number, phiText } from "../scales/format";
import { shareText } from "../scales/iit4";
import { shortNames } from "../scales/names";
import type { OverviewGroup } from "../scales/overview";
import { overviewOf, sparkline } from "../scales/overview";
import type { Context, Panel } from "./panel";

const SIZE = { width: 150, height: 40 };

export function overviewPanel({ store, controller }: Context): Panel {
  const title = h("h2", {});
  const search = h("input", { type: "search", class: "filter", placeholder: "Search", "aria-label": "Search by name" });
  const found = h("span", { class: "found", role: "status" });
  const close = h("button", { class: "quiet", type: "button", "aria-label": "Close (Esc)" }, "×");
  const list = h("div", { class: "cells" });
  oneTabStop(list, ".cell");
  const top = h("div", { class: "overview-top" }, title, search, found, h("span", { class: "grow" }), about("overview"), close);
  const element = h("section", { class: "overview", role: "dialog", "aria-label": "Overview", hidden: true }, top, list);
  const shut = () => store.set({ overview: false });
  const choose = (layer: string) => {
    controller.chooseLayer(layer);
    shut();
  };
  const draw = () => {
    const { a, layer, formalism } = store.state;
    const groups = a?.index ? overviewOf(a.index, search.value, formalism) : [];
    title.textContent = `All layers over epochs, ${formalismName(formalism)}`;
    const many = groups.reduce((sum, { curves }) => sum + curves.length, 0);
    found.textContent = many === 1 ? "1 layer" : `${many} layers`;
    const short = shortNames(a?.index ? layersOf(a.index) : [], 17);
    fill(list, ...groups.flatMap((group) => groupOf(group, layer, short, choose)));
  };
  search.addEventListener("input", draw);
  close.addEventListener("click", shut);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === search) list.querySelector("button")?.click();
    if (event.key !== "Escape") return;
    event.stopPropagation();
    shut();
  });
  store.on(["overview", "a", "layer"], (state, before) => {
    if (state.overview && state.a?.run !== before.a?.run) return shut();
    const opened = state.overview !== before.overview;
    element.hidden = !state.overview;
    if (!state.overview) return;
    if (opened) search.value = "";
    if (opened || state.a?.index !== before.a?.index) draw();
    if (opened) search.focus();
  });
  const all = () => (store.state.a?.index ? overviewOf(store.state.a.index, "", store.state.formalism) : []);
  const figures: Figure[] = [
    {
      name: "All layers over epochs",
      file: "layers",
      kind: () => "", // said of each group of layers
      there: () => all().reduce((sum, { curves }) => sum + curves.length, 0) > 1,
      svg: () => {
        const short = shortNames(store.state.a?.index ? layersOf(store.state.a.index) : [], 17);
        return overviewFigure(`All layers over epochs, ${formalismName(store.state.formalism)}`, all(), short);
      },
      csv: () => overviewCsv(all()),
    },
  ];
  return { element, figures, keys: { l: () => store.set({ overview: !store.state.overview }) } };
}

function groupOf(
  { words, shares, most, curves }: OverviewGroup,
  shown: string | null,
  short: (layer: string) => string,
  choose: (layer: string) => void,
): HTMLElement[] {
  const cells = curves.map((curve) => {
    const last = [...curve.line].reverse().find((value) => value !== null);
    const button = h(
      "button",
      {
        type: "button",
        class: "cell",
        "aria-pressed": String(curve.layer === shown),
        title: curve.layer,
        "data-layer": curve.layer,
      },
      h("b", {}, short(curve.layer)),
      h("span", {}, shares ? shareText(last) : phiText(last)),
      picture(sparkline(curve, most, SIZE)),
    );
    button.addEventListener("click", () => choose(curve.layer));
    return button;
  });
  return [
    h("h3", {}, `${words}; all axes from 0 to ${shares ? shareText(most) : number(most, 3)}`),
    h("div", { class: "cell-grid" }, ...cells),
  ];
}

const picture = ({ path, dots }: ReturnType<typeof sparkline>): SVGElement =>
  s(
    "svg",
    { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, "aria-hidden": "true", preserveAspectRatio: "none" },
    s("path", { class: "axis", d: `M0 ${SIZE.height - 0.5} H${SIZE.width}` }),
    s("path", { class: "mean", d: path }),
    ...dots.map(([cx, cy]) => s("circle", { class: "mean", cx, cy, r: 2 })),
  );
