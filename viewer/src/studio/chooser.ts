// The choice of a class, of the catalogue or of one's own, with the form of its arguments.
import { fill, h } from "../dom";
import type { Choice, Chosen, OwnRequest } from "../generated/studio";
import type { Client } from "./client";
import { wordsOf } from "./client";
import type { Fields, Values } from "./fields";
import { fieldsOf } from "./fields";

const OWN = "own";

export interface Chooser {
  element: HTMLElement;
  chosen(): Chosen;
  set(chosen: Chosen): Promise<void>;
}

export function chooser(
  role: OwnRequest["role"],
  title: string,
  known: readonly Choice[],
  allowed: readonly string[],
  client: Client,
): Chooser {
  const isOwn = allowed.length > 0;
  const select = h(
    "select",
    { "aria-label": title },
    ...known.map(({ name, label }) => h("option", { value: name }, label)),
    isOwn ? h("option", { value: OWN }, "A class of your own …") : null,
  );
  const words = h("p", { class: "choice-words" });
  const place = h("div", {});
  const name = h("input", {
    type: "text",
    placeholder: `${allowed[0]}:Class`,
    "aria-label": `Class of the ${role}`,
    spellcheck: "false",
  });
  const load = h("button", { class: "plain", type: "button" }, "Show its arguments");
  const problem = h("p", { class: "reason", role: "alert" });
  const which = allowed.length > 1 ? `one of these modules: ${allowed.join(", ")}` : `the module ${allowed[0]}`;
  const about = h("p", { class: "choice-words" }, `A class of ${which}, or of a module in it; --allow names others.`);
  const own = h("div", { class: "own" }, name, load, about, problem);
  let fields: Fields | null = null;
  let asked = ""; // the name whose form stands or is on its way
  let turn = 0;

  const show = (choice: Choice, values: Values = {}) => {
    fields = fieldsOf(choice.form);
    fields.set(values);
    fill(words, choice.words);
    fill(place, fields.element);
  };
  const forget = () => {
    asked = "";
    turn += 1; // an answer on its way is no longer wanted
  };
  // A name is asked once, though leaving its field and pressing the button both ask: a second answer would put an empty
  // form over the values that a reader has begun to write.
  const showOwn = async (values?: Values) => {
    const wanted = name.value.trim();
    if (wanted && wanted === asked && !values) return;
    forget();
    fill(problem);
    fill(place);
    fill(words);
    fields = null;
    if (!wanted) return;
    const mine = turn;
    asked = wanted;
    try {
      const choice = await client.own({ role, name: wanted });
      if (mine !== turn) return;
      show(choice, values);
    } catch (error) {
      if (mine !== turn) return;
      asked = "";
      fill(problem, wordsOf(error));
    }
  };
  const change = () => {
    forget();
    own.hidden = select.value !== OWN;
    const choice = known.find((one) => one.name === select.value);
    if (choice) show(choice);
    else void showOwn();
  };
  select.addEventListener("change", change);
  load.addEventListener("click", () => void showOwn());
  name.addEventListener("change", () => void showOwn());
  change();
  return {
    element: h("fieldset", { class: "choose" }, h("legend", {}, title), select, own, words, place),
    chosen: () => {
      const given = select.value === OWN ? name.value.trim() : select.value;
      return {
        name: given,
        values: (select.value === OWN && asked !== given ? {} : (fields?.values() ?? {})) as Chosen["values"],
      };
    },
    set: async (chosen) => {
      const choice = known.find((one) => one.name === chosen.name);
      if (!choice && !isOwn) return;
      forget();
      select.value = choice ? choice.name : OWN;
      own.hidden = choice !== undefined;
      if (choice) return show(choice, chosen.values);
      name.value = chosen.name;
      await showOwn(chosen.values);
    },
  };
}
