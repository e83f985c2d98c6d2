// Φ against the number of transitions of the record that is shown: whether more data would still lower it.
import type { EpochRecord } from "../data/types";
import { fill, h, s } from "../dom";
import { placeRecordCurve } from "../layout/recordCurve";
import { oneTabStop } from "../parts/oneTabStop";
import { about } from "../parts/sheet";
import { recordCurveCsv } from "../save/csv";
import type { Figure } from "../save/figure";
import { inlined } from "../save/paper";
import { symbolOf, symbolWithUnit } from "../scales/formalism";
import { count, number, phiText } from "../scales/format";
import { ofKind } from "../scales/kind";
import { shownKind, shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

const [WIDTH, HEIGHT] = [400, 120];

export function recordCurvePanel(context: Context): Panel {
  const panel = h("section", { class: "record-curve", hidden: true });
  oneTabStop(panel, ".point");
  context.store.on(["a", "b", "shown"], (state, before) => {
    const record = shownSide(state)?.record ?? null;
    if (state !== before && record === (shownSide(before)?.record ?? null)) return;
    panel.hidden = !record?.curve.length;
    fill(panel, ...(record?.curve.length ? drawn(context, record) : []));
  });
  const record = () => shownSide(context.store.state)?.record ?? null;
  const figures: Figure[] = [
    {
      name: "Φ against transitions",
      file: "transitions",
      kind: () => shownKind(context.store.state),
      there: () => (record()?.curve.length ?? 0) > 0,
      svg: () => {
        const axes = { x: "Transitions", y: symbolWithUnit(record()?.formalism ?? "") };
        return inlined(panel.querySelector("svg") as SVGSVGElement, panel.querySelector("h3")?.textContent ?? "", axes);
      },
      csv: () => recordCurveCsv(record() as EpochRecord),
    },
  ];
  return { element: panel, figures };
}

function drawn({ tip }: Context, record: EpochRecord): (Node | string)[] {
  const { points, left, right, top, bottom, transitions, phi } = placeRecordCurve(record.curve, WIDTH, HEIGHT);
  const symbol = symbolOf(record.formalism);
  const marks = points.map(({ x, y, low, high, of }) => {
    const mark = s(
      "g",
      {
        class: "point",
        role: "img",
        "aria-label": `${count(of.transitions)} transitions: mean ${symbol} ${phiText(of.mean)}`,
        "data-transitions": of.transitions,
        "data-mean": of.mean,
      },
      s("path", { d: `M${x} ${low} V${high}` }),
      s("circle", { cx: x, cy: y, r: 3.5 }),
    );
    tip.on(mark, `${count(of.transitions)} transitions`, [
      [`mean ${symbol}`, phiText(of.mean)],
      ["smallest, largest", `${phiText(of.low)}, ${phiText(of.high)}`],
      ["random parts", String(of.subsamples)],
    ]);
    return mark;
  });
  const state = record.states[0]?.state.join("");
  const label = (x: number, y: number, anchor: string, text: string) => s("text", { x, y, "text-anchor": anchor }, text);
  return [
    h("h3", {}, `${symbol} against transitions`, state ? `, in state ${state}` : "", ofKind(record.kind)),
    about("recordCurve"),
    s(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${symbol} of random parts of this epoch's transitions` },
      s("path", { class: "axis", d: `M${left} ${top} V${bottom} H${right}` }),
      label(left - 6, top + 8, "end", number(phi, 2)),
      label(left - 6, bottom + 3, "end", "0"),
      label(left, bottom + 14, "start", "0"),
      label(right, bottom + 14, "end", `${count(transitions)} transitions`),
      s("path", { class: "mean", d: `M${points.map(({ x, y }) => `${x} ${y}`).join(" L")}` }),
      ...marks,
    ),
    h(
      "p",
      { class: "tpm-words" },
      `These are ${symbol} of random parts of this epoch's transitions. While the line still falls, ${symbol} is biased upward and more data would lower it.`,
    ),
  ];
}
