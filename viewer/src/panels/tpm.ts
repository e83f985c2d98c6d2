// The transition probability matrix as a heatmap: state by node, or state by state.
import type { EpochRecord } from "../data/types";
import { fill, h } from "../dom";
import type { HeatmapLayout } from "../layout/heatmap";
import { cellAt, placeHeatmap } from "../layout/heatmap";
import { about } from "../parts/sheet";
import { tpmCsv } from "../save/csv";
import type { Figure } from "../save/figure";
import { matrixFigure } from "../save/tpm";
import { bitLabel, codeOf, unitLetter } from "../scales/bits";
import { sequential } from "../scales/color";
import { count, epochName, number } from "../scales/format";
import { stateByState } from "../scales/influence";
import { ofKind } from "../scales/kind";
import { analysisOf, isOtherAnalysis } from "../state/analysis";
import { isShownLayer, shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

interface Matrix {
  values: number[][];
  /** The value at the bright end of the colours. */
  most: number;
}

type Form = "node" | "state";

export function tpmPanel(context: Context): Panel {
  const { store, tip } = context;
  const canvas = h("canvas", { tabindex: 0, role: "img" });
  const said = h("p", { class: "visually-hidden", "aria-live": "polite" });
  const bar = h("div", { class: "bar" });
  const words = h("p", { class: "tpm-words" });
  const holder = h("div", { class: "tpm-holder" }, canvas, bar);
  let form: Form = "node";
  let layout: HeatmapLayout | null = null;
  let matrix: Matrix | null = null;
  let focus = { row: 0, column: 0 };
  const forms = (["node", "state"] as const).map((value) => {
    const button = h(
      "button",
      { type: "button", "aria-pressed": String(value === form), "data-form": value },
      value === "node" ? "State by node" : "State by state",
    );
    button.addEventListener("click", () => {
      form = value;
      forms.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      draw();
    });
    return button;
  });

  const record = () => shownSide(store.state)?.record ?? null;
  const draw = () => {
    const shown = record();
    const tpm = shown?.tpm;
    holder.hidden = !tpm;
    if (!shown || !tpm) {
      matrix = null;
      fill(words, shown ? noTpm(shown) : "");
      return;
    }
    matrix = matrixOf(tpm.state_by_node, form);
    const n = tpm.state_by_node[0]?.length ?? 0;
    canvas.style.height = "0"; // the room is what is left by the other panels, not what this one took before
    const room = { width: Math.max(200, panel.clientWidth - 46), height: roomBelow(panel, matrix.values.length) };
    layout = placeHeatmap(matrix.values.length, matrix.values[0]?.length ?? 0, n, room);
    // Read by scripts and tests: where the cells are in the canvas.
    canvas.dataset.cells = [layout.left, layout.top, layout.cellWidth, layout.cellHeight].join(" ");
    paint(canvas, layout, matrix, shown, analysisOf(store.state)?.state, form, chosenColumn(context, shown));
    canvas.setAttribute(
      "aria-label",
      `Heatmap of the TPM, ${form === "node" ? "state by node" : "state by state"}; arrow keys read its cells`,
    );
    fill(bar, ...colorBar(matrix.most, Math.min(220, layout.height - layout.top)));
    bar.style.marginTop = `${layout.top}px`;
    fill(words, ...captions(shown, form));
  };
  const speak = (row: number, column: number): [string, [string, string][]] | null => {
    const shown = record();
    return shown && matrix ? cellWords(shown, matrix, form, row, column) : null;
  };
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    const cell =
      layout && matrix
        ? cellAt(layout, matrix.values.length, matrix.values[0]?.length ?? 0, event.clientX - box.left, event.clientY - box.top)
        : null;
    const found = cell ? speak(cell.row, cell.column) : null;
    if (found) tip.show(event.clientX, event.clientY, found[0], found[1]);
    else tip.hide();
  });
  canvas.addEventListener("mouseleave", () => tip.hide());
  canvas.addEventListener("keydown", (event) => {
    const by: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = by[event.key];
    if (!move || !matrix || !layout) return;
    event.preventDefault();
    event.stopPropagation();
    const clamp = (value: number, most: number) => Math.min(most - 1, Math.max(0, value));
    focus = {
      row: clamp(focus.row + move[0], matrix.values.length),
      column: clamp(focus.column + move[1], matrix.values[0]?.length ?? 1),
    };
    const found = speak(focus.row, focus.column);
    if (!found) return;
    const box = canvas.getBoundingClientRect();
    tip.show(
      box.left + layout.left + focus.column * layout.cellWidth,
      box.top + layout.top + focus.row * layout.cellHeight,
      found[0],
      found[1],
    );
    said.textContent = [found[0], ...found[1].map((line) => line.join(" "))].join(", ");
  });
  canvas.addEventListener("blur", () => tip.hide());
  const panel = h(
    "div",
    { class: "tpm" },
    h("div", { class: "segments", role: "group", "aria-label": "Form of the matrix" }, ...forms),
    about("tpm"),
    holder,
    words,
    said,
  );
  store.on(["a", "b", "shown", "chosenState", "computations", "theme", "unit"], (state, before) => {
    const other = isOtherAnalysis(state, before);
    if (other) {
      focus = { row: 0, column: 0 };
      said.textContent = "";
    }
    const isMoved = (state.b === null) !== (before.b === null); // a comparison has places of its own
    if (other || isMoved || state.theme !== before.theme || state.unit !== before.unit) requestAnimationFrame(draw);
  });
  let size = "";
  // The card too: what stands beside it makes it higher or lower after this was drawn.
  const observer = new ResizeObserver(() => {
    const card = panel.closest(".panel");
    if (card) observer.observe(card);
    const now = `${panel.clientWidth} ${card?.clientHeight}`;
    if (now !== size && panel.clientWidth) requestAnimationFrame(draw);
    size = now;
  });
  observer.observe(panel);
  const figures: Figure[] = [
    {
      name: "Transition probabilities",
      file: "tpm",
      kind: () => shownKind(store.state),
      there: () => Boolean(record()?.tpm),
      svg: () => {
        const shown = record() as EpochRecord;
        const { values, most } = matrixOf(shown.tpm?.state_by_node ?? [], form);
        const title = `Transition probabilities of ${shown.layer}, ${epochName(shown.epoch)}`;
        const scale = form === "node" ? "P(ON next)" : "P(next state)";
        return matrixFigure({ title, values, most, visited: shown.tpm?.visited ?? [], form, scale });
      },
      csv: () => tpmCsv(record() as EpochRecord),
    },
    {
      name: "Whole record of this epoch",
      file: "record",
      kind: () => shownKind(store.state),
      there: () => record() !== null,
      json: () => context.controller.recordText(),
    },
  ];
  return { element: panel, figures };
}

/** Why there is no TPM to draw. */
const noTpm = (record: EpochRecord): string =>
  record.result.status === "open"
    ? "The TPM comes with the result of this analysis, which has not ended yet."
    : "This record holds no TPM.";

/** How high the map may be so that its caption is still seen, where the window is large enough for that. */
function roomBelow(panel: HTMLElement, rows: number): number {
  const side = panel.closest<HTMLElement>(".side");
  // Where all cards are seen this one is as high as what is in it; it takes what lets each row be read, and leaves the rest.
  const isAsHigh = side !== null && getComputedStyle(side).display === "grid";
  const high = isAsHigh ? Math.min(side.clientHeight, 12 * rows + 192) : (panel.closest(".panel")?.clientHeight ?? 600);
  const below = !isAsHigh && panel.nextElementSibling instanceof HTMLElement ? panel.nextElementSibling.offsetHeight : 0;
  return Math.min(660, Math.max(250, high - 160 - below));
}

function matrixOf(stateByNode: number[][], form: Form): Matrix {
  if (form === "node") return { values: stateByNode, most: 1 };
  const values = stateByState(stateByNode);
  return { values, most: Math.max(...values.map((row) => Math.max(...row))) };
}

function chosenColumn({ store }: Context, record: EpochRecord): number {
  const { unit } = store.state;
  return unit && isShownLayer(store.state, unit.layer) ? (record.units?.indices.indexOf(unit.index) ?? -1) : -1;
}

function paint(
  canvas: HTMLCanvasElement,
  layout: HeatmapLayout,
  matrix: Matrix,
  record: EpochRecord,
  state: readonly number[] | undefined,
  form: Form,
  column: number,
): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.ceil(layout.width * ratio);
  canvas.height = Math.ceil(layout.height * ratio);
  canvas.style.width = `${layout.width}px`;
  canvas.style.height = `${layout.height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(canvas);
  const ink = style.getPropertyValue("--muted");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, layout.width, layout.height);
  const { left, top, cellWidth, cellHeight } = layout;
  matrix.values.forEach((row, r) => {
    const y = top + r * cellHeight;
    if (record.tpm?.visited[r] === false) return hatch(context, left, y, cellWidth * row.length, cellHeight, ink);
    row.forEach((value, c) => {
      context.fillStyle = sequential(value / matrix.most);
      context.fillRect(left + c * cellWidth, y, cellWidth - (cellWidth > 6 ? 1 : 0), cellHeight - (cellHeight > 6 ? 1 : 0));
    });
  });
  labels(context, layout, matrix, form, ink, style.fontFamily);
  if (state) markRow(context, layout, codeOf(state), matrix.values[0]?.length ?? 0, style.getPropertyValue("--accent"));
  if (column >= 0 && form === "node") {
    context.strokeStyle = style.getPropertyValue("--chosen");
    context.lineWidth = 2;
    context.strokeRect(left + column * cellWidth - 0.5, top - 1, cellWidth, matrix.values.length * cellHeight + 1);
  }
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, ink: string): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width - 1, height - 1);
  context.clip();
  context.strokeStyle = ink;
  context.globalAlpha = 0.5;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = Math.floor((x - height) / 6) * 6; at < x + width; at += 6) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  if (height > 8) context.strokeRect(x + 0.5, y + 0.5, width - 2, height - 2);
  context.restore();
}

function labels(
  context: CanvasRenderingContext2D,
  layout: HeatmapLayout,
  matrix: Matrix,
  form: Form,
  ink: string,
  font: string,
): void {
  const rows = matrix.values.length;
  const columns = matrix.values[0]?.length ?? 0;
  const n = Math.round(Math.log2(rows));
  context.fillStyle = ink;
  context.font = `10.5px ui-monospace, "DejaVu Sans Mono", monospace`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let row = 0; row < rows; row += layout.rowStep) {
    context.fillText(bitLabel(row, n), layout.left - 8, layout.top + (row + 0.5) * layout.cellHeight);
  }
  for (let column = 0; column < columns; column += form === "node" ? 1 : layout.columnStep) {
    const x = layout.left + (column + 0.5) * layout.cellWidth;
    if (form === "node") {
      context.textAlign = "center";
      context.font = `600 12px ${font}`;
      context.fillText(unitLetter(column), x, layout.top - 10);
    } else {
      context.save();
      context.translate(x, layout.top - 6);
      context.rotate(-Math.PI / 2);
      context.textAlign = "left";
      context.fillText(bitLabel(column, n), 0, 0);
      context.restore();
    }
  }
}

function markRow(context: CanvasRenderingContext2D, layout: HeatmapLayout, row: number, columns: number, ink: string): void {
  const y = layout.top + row * layout.cellHeight;
  context.strokeStyle = ink;
  context.fillStyle = ink;
  context.lineWidth = 2;
  context.strokeRect(layout.left - 1, y - 1, layout.cellWidth * columns + 1, layout.cellHeight + 1);
  const middle = y + layout.cellHeight / 2;
  context.beginPath();
  context.moveTo(1, middle - 4);
  context.lineTo(7, middle);
  context.lineTo(1, middle + 4);
  context.fill();
}

function colorBar(most: number, height: number): HTMLElement[] {
  const ramp = Array.from({ length: 17 }, (_, at) => sequential(1 - at / 16)).join(", ");
  return [
    h("span", {}, number(most, 2)),
    h("i", { style: { height: `${Math.max(40, height - 40)}px`, background: `linear-gradient(${ramp})` } }),
    h("span", {}, "0"),
  ];
}

function captions(record: EpochRecord, form: Form): (Node | string)[] {
  const unvisited = record.tpm?.visited.filter((visited) => !visited).length ?? 0;
  return [
    form === "node"
      ? `The chance of each unit being ON next, for each state${ofKind(record.kind)}. `
      : `The chance of each next state (columns), the units' next states taken as independent${ofKind(record.kind)}. `,
    `Rows are states, unit A first (${record.state_order}: A is the least significant bit). `,
    h("span", { class: "row-mark" }, "▸"),
    " the current state. ",
    unvisited
      ? `Hatched: ${unvisited} states never visited (prior ${number(record.tpm?.prior)}).`
      : record.perturbation
        ? "Every state was set."
        : "Every state was visited.",
  ];
}

function cellWords(record: EpochRecord, matrix: Matrix, form: Form, row: number, column: number): [string, [string, string][]] {
  const n = Math.round(Math.log2(matrix.values.length));
  const visits = record.counts?.visits[row];
  const visited = record.tpm?.visited[row] !== false;
  const title =
    form === "node"
      ? `P(${unitLetter(column)} ON next | ${bitLabel(row, n)})`
      : `P(${bitLabel(column, n)} next | ${bitLabel(row, n)})`;
  const lines: [string, string][] = [[visited ? "value" : "prior only", number(matrix.values[row]?.[column])]];
  if (visits !== undefined) lines.push([record.perturbation ? "state set" : "state visited", `${count(visits)} times`]);
  if (form === "node" && record.counts)
    lines.push([`${unitLetter(column)} was ON next`, `${count(record.counts.on[row]?.[column] ?? 0)} times`]);
  if (form === "state" && record.counts) {
    const triple = record.counts.joint.find(([from, to]) => from === row && to === column);
    lines.push(["this transition", `${count(triple?.[2] ?? 0)} times`]);
  }
  return [title, lines];
}
