// The form that starts trainings.
import { fill, h } from "../dom";
import type { Asked, Choices } from "../generated/studio";
import { chooser } from "./chooser";
import type { Client } from "./client";
import { wordsOf } from "./client";
import { fieldsOf } from "./fields";
import { seedsOf } from "./words";

export interface StartForm {
  element: HTMLElement;
  /** Fills in what was asked for before. */
  set(asked: Asked, words: string): Promise<void>;
}

export function startForm(choices: Choices, client: Client): StartForm {
  const network = chooser("network", "Network", choices.networks, choices.allowed, client);
  const task = chooser("task", "Task", choices.tasks, choices.allowed, client);
  const epochs = h("input", { type: "number", min: 1, step: 1, required: true, id: "epochs", "aria-describedby": "epochs-words" });
  epochs.value = "6";
  const seeds = h("input", { type: "text", required: true, id: "seeds", "aria-describedby": "seeds-words", autocomplete: "off" });
  seeds.value = "0";
  const mlflow = h("input", {
    type: "text",
    id: "mlflow",
    placeholder: "none",
    list: "mlflow-servers",
    "aria-describedby": "mlflow-words",
    autocomplete: "off",
    spellcheck: "false",
  });
  const servers = h("datalist", { id: "mlflow-servers" }, ...["mlflow", ...choices.servers].map((value) => h("option", { value })));
  const options = fieldsOf(choices.iit, true);
  const go = h("button", { class: "primary", type: "submit", disabled: !client.mayStart }, "Start");
  const said = h("p", { class: "said", role: "status" });
  const presets = choices.presets.map((preset) => {
    const button = h("button", { class: "preset", type: "button" }, h("b", {}, preset.title), h("span", {}, preset.words));
    button.addEventListener("click", () => void set(preset.asked, "Filled in: press Start."));
    return button;
  });
  const folded = h(
    "details",
    { class: "options" },
    h("summary", {}, `What is measured: ${Object.keys(choices.iit.properties).length} options of IITCallback`),
    options.element,
  );
  const element = h(
    "form",
    { class: "card start", "aria-label": "Start a training", novalidate: true },
    h("h2", {}, "Start a training"),
    h("div", { class: "presets", role: "group", "aria-label": "Trainings to begin with" }, ...presets),
    network.element,
    task.element,
    h(
      "fieldset",
      { class: "choose" },
      h("legend", {}, "Training"),
      h(
        "div",
        { class: "arguments" },
        h(
          "div",
          { class: "argument" },
          h("label", { for: "epochs" }, "Epochs"),
          epochs,
          h("small", { id: "epochs-words" }, "how many"),
        ),
        h(
          "div",
          { class: "argument" },
          h("label", { for: "seeds" }, "Seeds"),
          seeds,
          h("small", { id: "seeds-words" }, "one training for each, as in 0, 1, 2 or 0-4"),
        ),
        h(
          "div",
          { class: "argument wide" },
          h("label", { for: "mlflow" }, "MLflow"),
          mlflow,
          servers,
          h(
            "small",
            { id: "mlflow-words" },
            "where it logs besides TensorBoard: a folder below the studio's, as in mlflow, or the address of a server that was named with --mlflow",
          ),
        ),
      ),
    ),
    folded,
    h("div", { class: "go" }, go, said),
  );
  const say = (words: string, isProblem = false) => {
    fill(said, words);
    said.classList.toggle("refused", isProblem);
  };
  const set = async (asked: Asked, words: string) => {
    epochs.value = String(asked.epochs);
    seeds.value = asked.seeds.join(", ");
    mlflow.value = asked.mlflow;
    options.set(asked.iit);
    folded.open = Object.keys(asked.iit).length > 0;
    await Promise.all([network.set(asked.network), task.set(asked.task)]);
    say(words);
  };
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = seedsOf(seeds.value);
    const many = Number(epochs.value);
    if (!wanted) return say("Seeds: give up to 20 different whole numbers, as in 0, 1, 2 or 0-4.", true);
    if (!Number.isInteger(many) || many < 1) return say("Epochs: give a whole number, 1 or more.", true);
    go.disabled = true;
    say("Starting …");
    try {
      const asked = {
        network: network.chosen(),
        task: task.chosen(),
        epochs: many,
        seeds: wanted,
        iit: options.values(),
        mlflow: mlflow.value.trim(),
      } as Asked;
      const { names } = await client.start(asked);
      say(`In the queue: ${names.join(", ")}.`);
    } catch (error) {
      say(wordsOf(error), true);
    } finally {
      go.disabled = !client.mayStart;
    }
  });
  if (!client.mayStart) say("To start something, open the address that the studio has printed, with its token.", true);
  return { element, set };
}
