// The answer in a sentence, the number, and beside it what it means: kind, engine, null, transitions, coverage.
import type { EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import type { Tip } from "../parts/tip";
import type { Chip } from "../scales/chips";
import { chips } from "../scales/chips";
import { count, epochName, phiText, statusWords } from "../scales/format";
import { resultOf, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

export function reading({ store, controller, tip }: Context): Panel {
  const panel = h("section", { class: "reading", "aria-label": "Φ and what it means", "aria-live": "polite" });
  store.on(["a", "b", "shown", "epoch", "layer", "chosenState"], (state) => {
    const side = shownSide(state);
    const record = side?.record;
    const answer = side?.answers.find((known) => known.layer === state.layer);
    const words = answer ? h("p", { class: "change" }, answer.words) : null;
    const sides = state.b
      ? h(
          "div",
          { class: "segments", role: "group", "aria-label": "Which run the panels show" },
          ...(["a", "b"] as const).map((which) => {
            const button = h("button", { type: "button", "aria-pressed": String(state.shown === which) }, which.toUpperCase());
            button.title = state[which]?.run.name ?? "";
            button.addEventListener("click", () => controller.showSide(which));
            return button;
          }),
        )
      : null;
    if (!record) {
      const problem = side?.recordProblem || (side ? "Loading …" : "");
      fill(panel, words, sides, h("div", { class: "value none" }, "Φ –"), h("p", { class: "reason" }, problem));
      return;
    }
    const all = chips(record, state.chosenState).map((chip) => chipOf(tip, chip));
    fill(panel, words, sides, value(record, state.chosenState), ...all);
  });
  return { element: panel };
}

function value(record: EpochRecord, chosen: number): HTMLElement {
  const result = resultOf(record, chosen);
  const layer = record.survey?.phi ?? null;
  const where = h(
    "div",
    { class: "where" },
    h("b", {}, record.layer || "model"),
    h("span", {}, epochName(record.epoch), ` · step ${count(record.global_step)}`),
  );
  if (layer === null && result.status !== "computed") {
    const said = result.status === "open" ? "Waiting for Φ. " : `No Φ: ${statusWords[result.status]}. `;
    const words = h("p", { class: result.status === "open" ? "reason waiting" : "reason" }, h("b", {}, said), result.reason);
    return h("div", { class: "value-group" }, h("div", { class: "value none" }, "Φ –"), where, words);
  }
  const phi = layer ?? (result.status === "computed" ? result.phi : null);
  const state = layer === null ? record.states[chosen]?.state.join("") : undefined;
  return h(
    "div",
    { class: "value-group" },
    h("div", { class: "value", "data-phi": phi }, h("i", {}, "Φ"), phiText(phi)),
    where,
    state ? h("div", { class: "where" }, h("span", {}, "in state"), h("span", { class: "bits" }, state)) : null,
  );
}

function chipOf(tip: Tip, { name, text, lines, mood = "" }: Chip): HTMLElement {
  const element = h("div", { class: `chip ${mood}`, tabindex: 0 }, h("span", {}, name), h("b", {}, text));
  tip.on(element, name, lines);
  return element;
}
