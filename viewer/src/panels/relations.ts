// The strongest relations (IIT 4.0) as what they bind: a row for each, with a dot under every distinction that it binds.
import type { Structure } from "../data/types";
import { fill, h, s } from "../dom";
import { placeRelations } from "../layout/relations";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import type { Tip } from "../parts/tip";
import type { Figure } from "../save/figure";
import { inlined } from "../save/paper";
import { lettersOf } from "../scales/bits";
import { count, phiText } from "../scales/format";
import { inState } from "../scales/iit4";
import type { Relation } from "../scales/relations";
import { strongestRelations } from "../scales/relations";
import { isOtherAnalysis } from "../state/analysis";
import { shownKind } from "../state/app";
import { structureOf } from "../state/structure";
import type { Context, Panel } from "./panel";

const MOST = 12;

export function relationsPanel(context: Context): Panel {
  const { store, tip } = context;
  const title = h("h3", { tabindex: 0 });
  const chart = h("div", { class: "scroll" });
  oneTabStop(chart, ".relation");
  const element = h("section", { class: "relations", hidden: true }, title, about("relations"), chart);
  tip.term(title, "relation");
  store.on(["a", "b", "shown", "chosenState", "computations"], (state, before) => {
    if (!isOtherAnalysis(state, before)) return;
    const structure = structureOf(state)?.structure ?? null;
    element.hidden = !structure?.relations;
    if (!structure?.relations) return fill(chart);
    const found = strongestRelations(structure.distinctions, MOST);
    const all = structure.relations <= MOST;
    const kind = shownKind(state);
    title.textContent = all
      ? `Relations (${found.length}), ${kind}`
      : `The ${found.length} strongest of ${count(structure.relations)} relations, ${kind}`;
    fill(chart, picture(structure, found, context));
  });
  const shown = () => (element.hidden ? null : chart.querySelector("svg"));
  const figures: Figure[] = [
    {
      name: "Relations",
      file: "relations",
      kind: () => shownKind(store.state),
      there: () => shown() !== null,
      svg: () => inlined(shown() as SVGSVGElement, title.textContent ?? "", { x: "φ_r in ibits" }),
    },
  ];
  return { element, figures };
}

function picture({ distinctions }: Structure, relations: readonly Relation[], context: Context): SVGElement {
  const { columns, rows, width, height, head, barFrom, bar } = placeRelations(relations, (at) => distinctions[at]?.phi ?? 0);
  const name = (at: number) => lettersOf(distinctions[at]?.mechanism ?? []);
  const heads = columns.map(({ of, x }) =>
    s("text", { class: "head", transform: `translate(${x + 4} ${head - 6}) rotate(-55)` }, name(of).replaceAll(" ", "")),
  );
  const grounds = columns.map(({ x }) => s("path", { class: "column", d: `M${x} ${head} V${height - 8}` }));
  const lines = rows.map(({ of, y, dots }) => {
    const length = (of.phi / (relations[0]?.phi || 1)) * bar;
    const line = s(
      "g",
      {
        class: "relation",
        role: "img",
        "aria-label": `Relation of ${of.members.map(name).join(", ")}: φ_r ${phiText(of.phi)}`,
        "data-phi": of.phi,
        "data-binds": of.members.map(name).join(" + "),
      },
      s("rect", { class: "hit", x: 0, y: y - 9, width, height: 18 }),
      s("path", { d: `M${dots[0]} ${y} H${dots.at(-1)}` }),
      ...dots.map((cx) => s("circle", { cx, cy: y, r: 4 })),
      s("text", { x: barFrom - 8, y: y + 3.5, "text-anchor": "end" }, inState(of.nodes, of.state)),
      s("rect", { class: "bar", x: barFrom, y: y - 4, width: Math.max(1, length), height: 8 }),
      s("text", { x: barFrom + length + 5, y: y + 3.5 }, phiText(of.phi)),
    );
    light(line, of, of.members.map(name), distinctions, context);
    return line;
  });
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "The strongest relations and what they bind" },
    ...grounds,
    ...heads,
    s("text", { class: "head", x: barFrom - 8, y: head - 6, "text-anchor": "end" }, "in common"),
    s("text", { class: "head", x: barFrom, y: head - 6 }, "φ_r"),
    ...lines,
  );
}

function light(
  line: SVGElement,
  { nodes, state, phi, members }: Relation,
  names: readonly string[],
  distinctions: Structure["distinctions"],
  { store, tip }: Context,
): void {
  const mechanism = [...new Set(members.flatMap((at) => distinctions[at]?.mechanism ?? []))];
  const shown: Parameters<Tip["show"]>[3] = [
    ["φ_r", phiText(phi)],
    ["in common", inState(nodes, state)],
    members.length > 1
      ? `Binds the distinctions of ${names.join(", ")}.`
      : `Cause and effect of the distinction of ${names[0]} overlap.`,
  ];
  const on = () => store.set({ lit: { mechanism, cause: nodes, effect: nodes } });
  const off = () => {
    tip.hide();
    store.set({ lit: null });
  };
  for (const name of ["mouseenter", "focus"]) line.addEventListener(name, on);
  for (const name of ["mouseleave", "blur"]) line.addEventListener(name, off);
  line.addEventListener("mousemove", (event) => tip.show(event.clientX, event.clientY, "Relation", shown));
}
