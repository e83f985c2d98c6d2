// The analyses within epochs (every_n_steps) of the layer that is shown: they are not in the curve, so they have a table of their own.
import type { IndexRow } from "../data/types";
import { fill, h } from "../dom";
import { count, phiText, statusWords } from "../scales/format";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const COLUMNS = ["Step", "Epoch", "Φ", "Null, upper", "Transitions", "Remark"];

export function stepsPanel({ store }: Context): Panel {
  const title = h("summary", {});
  const body = h("tbody");
  const heads = COLUMNS.map((name) => h("th", { scope: "col" }, name));
  const table = h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body));
  const element = h("details", { class: "steps card", hidden: true }, title, table);
  store.on(["a", "b", "shown", "layer"], (state, before) => {
    const [now, then] = [shownSide(state)?.index, shownSide(before)?.index];
    if (state !== before && now === then && state.layer === before.layer) return;
    const rows = (now?.steps ?? []).filter((row) => row.layer === state.layer);
    element.hidden = !rows.length;
    title.textContent = `${count(rows.length)} ${rows.length === 1 ? "analysis" : "analyses"} within epochs`;
    fill(body, ...rows.map(lineOf));
  });
  return { element };
}

function lineOf(row: IndexRow): HTMLElement {
  const remark = row.status === "computed" ? row.reason : `${statusWords[row.status]}: ${row.reason}`;
  const cells = [
    count(row.step ?? row.global_step),
    String(row.epoch),
    phiText(row.phi_layer ?? row.phi),
    phiText(row.null_upper),
    row.transitions === null ? "–" : count(row.transitions),
  ];
  return h("tr", { title: row.file }, ...cells.map((text) => h("td", { class: "number" }, text)), h("td", {}, remark));
}
