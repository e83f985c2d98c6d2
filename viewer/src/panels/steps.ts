// The analyses within epochs (every_n_steps) of the layer that is shown: they are not in the curve, so they have a table of their own.
import type { IndexRow } from "../data/types";
import { fill, h } from "../dom";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import type { Figure } from "../save/figure";
import { tableFigure } from "../save/table";
import { symbolOf } from "../scales/formalism";
import { count, phiText, statusWords } from "../scales/format";
import { ofKind } from "../scales/kind";
import type { AppState } from "../state/app";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const columns = (symbol: string) => ["Step", "Epoch", symbol, "Null, upper", "Transitions", "Remark"];

export function stepsPanel({ store }: Context): Panel {
  const title = h("summary", {});
  const body = h("tbody");
  const heads = h("tr", {});
  const table = h("div", { class: "scroll" }, h("table", { "aria-label": "Analyses within epochs" }, h("thead", {}, heads), body));
  oneTabStop(table, "tbody tr");
  const element = h("details", { class: "steps card", hidden: true }, title, about("steps"), table);
  store.on(["a", "b", "shown", "layer"], (state, before) => {
    const [now, then] = [shownSide(state)?.index, shownSide(before)?.index];
    if (state !== before && now === then && state.layer === before.layer) return;
    const rows = rowsOf(state);
    element.hidden = !rows.length;
    title.textContent = `${count(rows.length)} ${rows.length === 1 ? "analysis" : "analyses"} within epochs${ofKind(rows[0]?.kind)}`;
    fill(heads, ...columns(symbolOf(state.formalism)).map((name) => h("th", { scope: "col" }, name)));
    fill(body, ...rows.map(lineOf));
  });
  const figures: Figure[] = [
    {
      name: "Analyses within epochs",
      file: "steps",
      kind: () => rowsOf(store.state)[0]?.kind,
      there: () => rowsOf(store.state).length > 0,
      svg: () => {
        const heads = columns(symbolOf(store.state.formalism)).map((name) => (name === "Remark" ? name : `#${name}`));
        return tableFigure(title.textContent ?? "", heads, rowsOf(store.state).map(cellsOf));
      },
    },
  ];
  return { element, figures };
}

const rowsOf = (state: AppState): IndexRow[] => (shownSide(state)?.index?.steps ?? []).filter((row) => row.layer === state.layer);

/** The texts of a row, a remark at the end. */
function cellsOf(row: IndexRow): string[] {
  const remark = row.status === "computed" ? row.reason : `${statusWords[row.status]}: ${row.reason}`;
  return [
    count(row.step ?? row.global_step),
    String(row.epoch),
    phiText(row.phi_layer ?? row.phi),
    phiText(row.null_upper),
    row.transitions === null ? "–" : count(row.transitions),
    remark,
  ];
}

const lineOf = (row: IndexRow): HTMLElement =>
  h("tr", { title: row.file }, ...cellsOf(row).map((text, at) => h("td", at < 5 ? { class: "number" } : {}, text)));
