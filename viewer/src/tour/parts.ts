// What stands beside the picture in the steps of the tour: tables, bars and numbers of the system as it is now.
import { h } from "../dom";
import type { Concept, Phi3 } from "../engine/iit3";
import { cutsOf, phi3, phiOfCut } from "../engine/iit3";
import type { Phi4 } from "../engine/iit4";
import { phi4 } from "../engine/iit4";
import { statesOf, subsets } from "../engine/sets";
import { averaged } from "../engine/system";
import { chanceText, cutWords, digits, letter, letters, number } from "./names";
import type { Side } from "./sides";
import { sidesOf } from "./sides";
import type { Part } from "./steps";
import type { Name, Setup } from "./systems";
import { connection, connectionsOf, KINDS, N, systemOf } from "./systems";

/** All that a person changes. */
export interface Now extends Setup {
  mechanism: number;
}

export type Change = (part: Partial<Now>) => void;
type Make = (now: Now, change: Change, phi: Phi3 | null) => HTMLElement;

const STATES = [...Array(2 ** N).keys()];

export const PARTS: Record<Part, Make> = {
  next: nextMoment,
  tpm: table,
  mechanism: readings,
  concepts: conceptList,
  cuts: cutList,
  phi: bigPhi,
  reason: whyZero,
  both: versions,
  training,
};

function nextMoment(now: Now, change: Change): HTMLElement {
  const { next } = KINDS[now.kind];
  const after = [...Array(N).keys()].reduce((state, node) => (next(node, now.state) ? state | (1 << node) : state), 0);
  const pass = h("button", { type: "button", class: "primary", "data-key": "pass" }, "Let a moment pass");
  pass.addEventListener("click", () => change({ state: after }));
  return h(
    "div",
    { class: "tour-row" },
    h("p", {}, "Now ", bits(digits(now.state)), ", next most likely ", bits(digits(after))),
    pass,
  );
}

const bits = (text: string) => h("b", { class: "bits" }, text);

function table(now: Now, change: Change): HTMLElement {
  const tpm = averaged(systemOf(now));
  const rows = STATES.map((x) =>
    row(
      now,
      change,
      x,
      ...(tpm[x] ?? []).map((p) =>
        h("td", { class: "tour-cell", style: { "--p": String(p) } }, h("i", {}), h("span", {}, chanceText(p))),
      ),
    ),
  );
  const heads = [...Array(N).keys()].map((node) => h("th", { scope: "col" }, `${letter(node)} ON next`));
  return tableOf(["State ABC"], heads, rows);
}

/** A row that puts the system into a state. */
function row({ state }: Now, change: Change, x: number, ...cells: HTMLElement[]): HTMLElement {
  const choose = h(
    "button",
    {
      type: "button",
      class: "bits",
      "data-key": `state-${x}`,
      "aria-pressed": String(x === state),
      "aria-label": `State ${digits(x)}`,
    },
    digits(x),
  );
  const line = h("tr", { class: x === state ? "current" : "" }, h("th", { scope: "row" }, choose), ...cells);
  line.addEventListener("click", () => change({ state: x }));
  return line;
}

function tableOf(first: string[], heads: HTMLElement[], rows: HTMLElement[]): HTMLElement {
  const head = h("tr", {}, ...first.map((name) => h("th", { scope: "col" }, name)), ...heads);
  return h("table", { class: "tour-table" }, h("thead", {}, head), h("tbody", {}, ...rows));
}

function readings(now: Now, change: Change, phi: Phi3 | null): HTMLElement {
  const { mechanism } = now;
  const sets = choices(
    "Set of parts",
    subsets(N).map((nodes) => ({
      name: letters(nodes),
      key: `set-${nodes}`,
      chosen: nodes === mechanism,
      act: () => change({ mechanism: nodes }),
    })),
  );
  const concept = phi?.concepts.find((one) => one.mechanism === mechanism);
  const { cause, effect } = sidesOf(now, concept);
  const said = concept
    ? `${letters(mechanism)} is a concept: its φ is the smaller of both, ${number(concept.phi)}.`
    : `${letters(mechanism)} is no concept: it says no more than its parts do.`;
  return h(
    "div",
    { class: "tour-stack" },
    sets,
    h(
      "div",
      { class: "tour-two" },
      bars(`What ${letters(cause.purview)} was before`, "cause", cause),
      bars(`What ${letters(effect.purview)} will be`, "effect", effect),
    ),
    h("p", { class: "tour-says" }, said),
  );
}

/** A repertoire: a bar for each state, and a line where it would be by chance. */
function bars(title: string, side: string, { purview, repertoire, chance, phi }: Side): HTMLElement {
  const lines = statesOf(purview).map((state, k) =>
    h(
      "li",
      { style: { "--p": String(repertoire[k]), "--chance": String(chance[k]) } },
      bits(digits(state, purview)),
      h("span", { class: "tour-bar" }, h("i", {}), h("u", {})),
      h("span", {}, chanceText(repertoire[k] ?? 0)),
    ),
  );
  return h(
    "div",
    { class: `tour-bars ${side}` },
    h("h3", {}, title),
    h("ul", {}, ...lines),
    h("p", {}, "φ = ", h("b", {}, number(phi))),
  );
}

function conceptList(_: Now, __: Change, phi: Phi3 | null): HTMLElement {
  const concepts = phi?.concepts ?? [];
  const most = Math.max(...concepts.map((one) => one.phi), 0.001);
  const line = ({ mechanism, cause, effect, phi: own }: Concept) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, letters(mechanism)),
      h("td", { class: "cause" }, letters(cause.purview)),
      h("td", { class: "effect" }, letters(effect.purview)),
      h("td", { class: "tour-cell", style: { "--p": String(own / most) } }, h("i", {}), h("span", {}, number(own))),
    );
  const heads = ["of the past of", "of the future of", "φ"].map((name) => h("th", { scope: "col" }, name));
  return h(
    "div",
    { class: "tour-stack" },
    h("h3", { class: "tour-says" }, concepts.length === 1 ? "1 concept" : `${concepts.length} concepts`),
    concepts.length ? tableOf(["Parts say something"], heads, concepts.map(line)) : null,
  );
}

function cutList(now: Now, _: Change, phi: Phi3 | null): HTMLElement {
  const system = systemOf(now);
  const values = cutsOf(N).map((cut) => ({ cut, value: phiOfCut(system, cut) ?? 0 }));
  const most = Math.max(...values.map(({ value }) => value), 0.001);
  const rows = values.map(({ cut, value }) => {
    const isWeakest = cut.from === phi?.cut?.from;
    return h(
      "tr",
      { class: isWeakest ? "current" : "" },
      h("th", { scope: "row" }, cutWords(cut)),
      h("td", { class: "tour-cell", style: { "--p": String(value / most) } }, h("i", {}), h("span", {}, number(value))),
    );
  });
  return tableOf(["Cut"], [h("th", { scope: "col" }, "What it destroys")], rows);
}

function bigPhi(_: Now, __: Change, phi: Phi3 | null): HTMLElement {
  const value = phi ? number(phi.phi) : "none";
  const weakest = phi?.cut
    ? `The weakest cut: ${cutWords(phi.cut)}`
    : (phi?.reason && REASONS[phi.reason]) || "No state leads to this one.";
  return h(
    "p",
    { class: "tour-phi tour-says" },
    h("span", { class: "value", "data-phi": phi ? String(phi.phi) : "none" }, h("i", {}, "Φ"), value),
    h("span", {}, weakest),
  );
}

const REASONS: Record<Exclude<Phi3["reason"], "">, string> = {
  "one node": "Φ is 0: a single part cannot be cut.",
  "not connected": "Φ is 0: not every part acts on every other.",
  "no concepts": "Φ is 0: no set of parts says anything, so there is nothing to destroy.",
};

function whyZero(_: Now, __: Change, phi: Phi3 | null): HTMLElement {
  const words = phi?.phi
    ? "The ring is closed: each part now acts on every other one, through the ring. Any cut destroys something."
    : "From one part there is no way to another one. To cut ways that are not there changes nothing, so the system comes apart for free.";
  return h("p", {}, words);
}

function versions(now: Now, change: Change): HTMLElement {
  const kinds = choices(
    "System",
    (Object.keys(KINDS) as Name[]).map((kind) => ({
      name: kind === "chain" ? "Ring" : KINDS[kind].name,
      key: `kind-${kind}`,
      chosen: kind === now.kind,
      act: () => change({ kind }),
    })),
  );
  const value = (found: Phi3 | Phi4 | null, name: string) =>
    h("td", { "data-value": found ? `${name} ${found.phi}` : "none" }, found ? number(found.phi) : "none");
  const rows = STATES.map((state) => {
    const system = systemOf({ ...now, state });
    return row(now, change, state, value(phi3(system), "iit3"), value(phi4(system), "iit4"));
  });
  const heads = ["Φ (IIT 3.0)", "φ_s (IIT 4.0)"].map((name) => h("th", { scope: "col" }, name));
  return h("div", { class: "tour-stack" }, kinds, tableOf(["State ABC"], heads, rows));
}

function choices(name: string, all: { name: string; key: string; chosen: boolean; act: () => void }[]): HTMLElement {
  const buttons = all.map((one) => {
    const choose = h("button", { type: "button", "data-key": one.key, "aria-pressed": String(one.chosen) }, one.name);
    choose.addEventListener("click", one.act);
    return choose;
  });
  return h("div", { class: "segments", role: "group", "aria-label": name }, ...buttons);
}

function training(now: Now, change: Change): HTMLElement {
  const blur = h("input", { type: "range", min: 0, max: 50, step: 1, value: Math.round(100 * now.error), "data-key": "blur" });
  const percent = h("span", {}, `${blur.value} %`);
  blur.addEventListener("input", () => {
    percent.textContent = `${blur.value} %`;
    change({ error: Number(blur.value) / 100 });
  });
  const alone = h("input", { type: "checkbox", checked: now.cut.size > 0, "data-key": "alone" });
  const all = () => connectionsOf(now.kind).map(([from, to]) => connection(from, to));
  alone.addEventListener("change", () => change({ cut: new Set(alone.checked ? all() : []) }));
  return h(
    "div",
    { class: "tour-stack" },
    h("label", { class: "tour-blur" }, "Blur of the table", blur, percent),
    h("label", { class: "check" }, alone, "A feed-forward layer: no connections among the units"),
  );
}
