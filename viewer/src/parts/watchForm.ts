// The form that tells a training what to watch from its next epoch on.
import type { CommandRequest, Selection } from "../data/types";
import { fill, h } from "../dom";
import { FIRST, formalismName } from "../scales/formalism";
import { unitNumbers } from "../scales/training";

type Asked = Omit<CommandRequest, "run">;

export interface WatchForm {
  element: HTMLElement;
  /** Sets the layers that are watched, and all of the network. */
  layers(watched: readonly string[], all: readonly string[]): void;
  able(isAble: boolean): void;
}

const FORMALISMS = [FIRST, "iit4-2023", "iit4-2026"] as const;
const NULLS = { auto: "by the kind of layer", cut: "cut", shuffle: "shuffle", none: "none" } as const;
const WORDS =
  "From the next epoch on; what is left empty stays as it is. A layer whose units or groups change is not compared with its earlier epochs, and its curve begins anew.";

/** `send` is called with what is asked for. */
export function watchForm(send: (asked: Asked) => void): WatchForm {
  const layers = h("div", { class: "choices", role: "group", "aria-label": "Layers" });
  const units = h("input", { type: "text", placeholder: "as now; 4, or 3, 8, 21", autocomplete: "off" });
  const groups = h("input", { type: "text", inputmode: "numeric", placeholder: "as now; 20, or auto", autocomplete: "off" });
  const formalisms = FORMALISMS.map((value) => ({ value, box: h("input", { type: "checkbox" }) }));
  const nullModel = h(
    "select",
    {},
    h("option", { value: "" }, "as now"),
    ...Object.entries(NULLS).map(([value, text]) => h("option", { value }, text)),
  );
  const surrogates = h("input", { type: "number", min: 1, step: 1, placeholder: "as now" });
  const problem = h("p", { class: "reason", role: "alert" });
  const go = h("button", { class: "primary", type: "submit" }, "Watch");
  let known: { watched: readonly string[]; all: readonly string[] } = { watched: [], all: [] };
  let boxes: { name: string; box: HTMLInputElement }[] = [];

  const element = h(
    "form",
    { class: "ask" },
    h("p", { class: "drop-words" }, WORDS),
    row("Layers", layers),
    field("Units", units),
    field("Groups", groups),
    row(
      "Formalism",
      h(
        "div",
        { class: "choices", role: "group", "aria-label": "Formalism; none leaves it as it is" },
        ...formalisms.map(({ value, box }) => h("label", { class: "check" }, box, formalismName(value))),
      ),
    ),
    field("Null", nullModel),
    field("Surrogates", surrogates),
    problem,
    go,
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const found = selection();
    fill(problem, typeof found === "string" ? found : "");
    if (typeof found === "string") return;
    send({ verb: "watch", epochs: null, layer: null, units: null, state: null, formalism: null, to: null, watch: found });
  });

  /** What is asked for, or what is wrong with it. */
  const selection = (): Selection | string => {
    const ticked = boxes.filter(({ box }) => box.checked).map(({ name }) => name);
    const [ofUnits, ofGroups] = [numberOrList(units.value), numberOrList(groups.value)];
    if (ofUnits === undefined) return "Units: give how many, as in 4, their numbers, as in 3, 8, 21, or auto.";
    if (ofGroups === undefined || Array.isArray(ofGroups)) return "Groups: give how many, or auto.";
    if (!ticked.length) return "Layers: tick one or more.";
    const chosen = formalisms.filter(({ box }) => box.checked).map(({ value }) => value);
    const found: Selection = {
      layers: [...ticked].sort().join("\n") === [...known.watched].sort().join("\n") ? null : ticked,
      units: ofUnits,
      groups: ofGroups,
      formalism: chosen.length ? chosen : null,
      null_model: (nullModel.value || null) as Selection["null_model"],
      surrogates: surrogates.value ? Number(surrogates.value) : null,
    };
    return Object.values(found).every((value) => value === null) ? "Say what is to be watched otherwise." : found;
  };
  return {
    element,
    layers: (watched, all) => {
      const next = { watched, all: [...new Set([...watched, ...all])] };
      if (JSON.stringify(next) === JSON.stringify(known)) return; // what a person has ticked stays
      known = next;
      boxes = next.all.map((name) => ({ name, box: h("input", { type: "checkbox", checked: watched.includes(name) }) }));
      fill(layers, ...boxes.map(({ name, box }) => h("label", { class: "check" }, box, name)));
    },
    able: (isAble) => {
      go.disabled = !isAble;
    },
  };
}

const row = (name: string, content: HTMLElement): HTMLElement => h("div", { class: "field" }, h("span", {}, name), content);

const field = (name: string, control: HTMLElement): HTMLElement => h("label", { class: "field" }, h("span", {}, name), control);

/** A number, several, "auto", or null for nothing; undefined where the text is none of these. */
function numberOrList(text: string): number | number[] | "auto" | null | undefined {
  if (!text.trim()) return null;
  if (text.trim() === "auto") return "auto";
  const found = unitNumbers(text);
  return found === null ? undefined : found.length === 1 ? found[0] : found;
}
