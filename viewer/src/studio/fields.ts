// A form made of a JSON schema of arguments.
import { fill, h } from "../dom";
import type { Field, Form } from "../generated/studio";
import { filledValue, labelOf, shown } from "./words";

export type Values = Record<string, unknown>;

export interface Fields {
  element: HTMLElement;
  /** What is filled in and is not the default. */
  values(): Values;
  set(values: Values): void;
}

interface Control {
  element: HTMLInputElement | HTMLSelectElement;
  value(): unknown;
  set(value: unknown): void;
}

let made = 0;

export function fieldsOf(form: Form, exact = false): Fields {
  const controls = new Map<string, Control>();
  const rows = Object.entries(form.properties).map(([name, field]) => {
    const control = controlOf(field, form.required.includes(name));
    controls.set(name, control);
    const id = `field-${++made}`;
    control.element.id = id;
    control.element.setAttribute("aria-describedby", `${id}-words`);
    control.element.setAttribute("data-field", name);
    return h(
      "div",
      { class: "argument" },
      h("label", { for: id }, exact ? h("code", {}, name) : labelOf(name)),
      control.element,
      h("small", { id: `${id}-words` }, field.description),
    );
  });
  const element = h("div", { class: "arguments" }, ...rows);
  return {
    element,
    values: () => {
      const found: Values = {};
      for (const [name, control] of controls) {
        const value = control.value();
        if (value !== undefined) found[name] = value;
      }
      return found;
    },
    set: (values) => {
      for (const [name, control] of controls) control.set(values[name]);
    },
  };
}

function controlOf(field: Field, isRequired: boolean): Control {
  if (field.type === "boolean") return flag(field);
  if (field.enum.length) return choice(field);
  const isNumber = field.type === "integer" || field.type === "number";
  const element = h("input", {
    type: isNumber ? "number" : "text",
    step: field.type === "integer" ? 1 : "any",
    placeholder: isRequired ? "needed" : shown(field.default),
    required: isRequired,
    autocomplete: "off",
    spellcheck: "false",
  });
  return {
    element,
    value: () => filledValue(field, element.value),
    set: (value) => {
      element.value = value === undefined ? "" : shown(value);
    },
  };
}

function flag(field: Field): Control {
  const element = h("input", { type: "checkbox" });
  element.checked = field.default === true;
  return {
    element,
    value: () => (element.checked === (field.default === true) ? undefined : element.checked),
    set: (value) => {
      element.checked = (value ?? field.default) === true;
    },
  };
}

function choice(field: Field): Control {
  const element = h("select", {});
  fill(element, ...field.enum.map((one) => h("option", { value: shown(one) }, shown(one))));
  element.value = shown(field.default);
  return {
    element,
    value: () => {
      const chosen = field.enum.find((one) => shown(one) === element.value);
      return chosen === field.default ? undefined : chosen;
    },
    set: (value) => {
      element.value = shown(value === undefined ? field.default : value);
    },
  };
}
