// The form that asks a training for an analysis of the network as it is, or for a lesion.
import type { CommandRequest, Unit } from "../data/types";
import { fill, h } from "../dom";
import { FIRST, formalismName } from "../scales/formalism";
import { unitNumbers } from "../scales/training";

type Asked = Omit<CommandRequest, "run">;

export interface AskForm {
  element: HTMLElement;
  /** Sets the layers that can be chosen: those that are watched, and all of the network. */
  layers(watched: readonly string[], all: readonly string[]): void;
  /** Adds a unit, or takes it away, where it is of a layer that can be chosen. */
  pick(unit: Unit): void;
  able(isAble: boolean): void;
}

const FORMALISMS = [FIRST, "iit4-2023", "iit4-2026"];
const WORDS = {
  analyse:
    "The network as it is at this step, perturbed or counted so far. The record stays out of the curve; it stands among the analyses within epochs.",
  lesion:
    "What the network loses, on validation batches, when these units say nothing of the sample; beside 20 random sets of other units. Everything is put back.",
};

/** `send` is called with what is asked for. */
export function askForm(send: (asked: Asked) => void): AskForm {
  const layer = h("select", {});
  const units = h("input", { type: "text", inputmode: "numeric", placeholder: "those watched", autocomplete: "off" });
  const state = h("input", { type: "text", inputmode: "numeric", placeholder: "those visited", autocomplete: "off" });
  const formalism = h(
    "select",
    {},
    h("option", { value: "" }, "the run's own"),
    ...FORMALISMS.map((value) => h("option", { value }, formalismName(value))),
  );
  const to = h("select", {}, ...["mean", "zero", "resample"].map((value) => h("option", { value }, TO[value] ?? value)));
  const words = h("p", { class: "drop-words" });
  const go = h("button", { class: "primary", type: "submit" });
  const problem = h("p", { class: "reason", role: "alert" });
  const fields = { state: field("State", state), formalism: field("Formalism", formalism), to: field("Set to", to) };
  let verb: "analyse" | "lesion" = "analyse";
  let known: { watched: readonly string[]; all: readonly string[] } = { watched: [], all: [] };
  const choices = (["analyse", "lesion"] as const).map((value) => {
    const button = h("button", { type: "button" }, value === "analyse" ? "Analyse now" : "Lesion");
    button.addEventListener("click", () => show(value));
    return { value, button };
  });

  const show = (wanted: typeof verb) => {
    verb = wanted;
    for (const { value, button } of choices) button.setAttribute("aria-pressed", String(value === verb));
    fields.state.hidden = fields.formalism.hidden = verb !== "analyse";
    fields.to.hidden = verb !== "lesion";
    units.placeholder = verb === "analyse" ? "those watched" : "as in 3, 8, 21";
    words.textContent = WORDS[verb];
    go.textContent = verb === "analyse" ? "Analyse" : "Measure";
    fill(problem);
    list();
  };
  const list = () => {
    const chosen = layer.value;
    const names = verb === "analyse" ? known.watched : known.all;
    const none = verb === "analyse" && names.length > 1 ? [h("option", { value: "" }, "all that are watched")] : [];
    fill(layer, ...none, ...names.map((name) => h("option", { value: name }, name)));
    const first = names.includes(known.watched[0] ?? "") ? known.watched[0] : names[0];
    layer.value = names.includes(chosen) ? chosen : none.length ? "" : (first ?? "");
  };
  const element = h(
    "form",
    { class: "ask" },
    h("div", { class: "segments" }, ...choices.map(({ button }) => button)),
    words,
    field("Layer", layer),
    field("Units", units),
    ...Object.values(fields),
    h("p", { class: "drop-words" }, "A click on a neuron of the picture adds it to the units."),
    problem,
    go,
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const indices = unitNumbers(units.value);
    const bits = state.value.replaceAll(/[\s,]/g, "");
    const wrong =
      indices === null
        ? "Units: give their numbers, as in 3, 8, 21."
        : verb === "lesion" && !indices.length
          ? "Units: say which are set."
          : verb === "analyse" && /[^01]/.test(bits)
            ? "State: give a 0 or 1 for each unit, as in 0110."
            : "";
    fill(problem, wrong);
    if (wrong || !indices) return;
    send({
      verb,
      epochs: null,
      layer: layer.value || null,
      units: indices.length ? indices : null,
      state: verb === "analyse" && bits ? bits : null,
      formalism: verb === "analyse" && formalism.value ? (formalism.value as Asked["formalism"]) : null,
      to: verb === "lesion" ? (to.value as Asked["to"]) : null,
      watch: null,
    });
  });
  show("analyse");
  return {
    element,
    layers: (watched, all) => {
      const next = { watched, all: [...new Set([...watched, ...all])] };
      if (JSON.stringify(next) === JSON.stringify(known)) return;
      known = next;
      list();
    },
    pick: (unit) => {
      const names = verb === "analyse" ? known.watched : known.all;
      if (!names.includes(unit.layer)) return;
      const before = layer.value === unit.layer ? (unitNumbers(units.value) ?? []) : [];
      layer.value = unit.layer;
      const after = before.includes(unit.index) ? before.filter((one) => one !== unit.index) : [...before, unit.index];
      units.value = after.join(", ");
    },
    able: (isAble) => {
      go.disabled = !isAble;
    },
  };
}

const TO: Record<string, string> = { mean: "their mean", zero: "0", resample: "values of other samples" };

function field(name: string, control: HTMLElement): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, name), control);
}
