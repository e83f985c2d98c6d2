// The command line that computes this partition again, and, where the server may, a button that does it.
import type { EpochRecord, PhiResult, RunInfo } from "../data/types";
import { fill, h } from "../dom";
import { lettersOf, unitLetter } from "../scales/bits";
import { phiText } from "../scales/format";
import type { Side } from "../state/app";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

type Options = Partial<EpochRecord["provenance"]["options"]>;

/** The exact command for a record, a state and an engine, with the options that change what Φ is. */
export function commandLine(run: RunInfo, file: string, state: readonly number[], engine: string, options: Options = {}): string {
  const [id, ...name] = run.id.split("/"); // in MLflow a callback with a name is a folder of the run
  const download = run.tracking_uri
    ? `MLFLOW_TRACKING_URI=${quoted(run.tracking_uri)} mlflow artifacts download --run-id ${quoted(id ?? "")} --artifact-path ${quoted([...name, file].join("/"))} --dst-path . && `
    : "";
  const path = download ? `./${file.slice(file.lastIndexOf("/") + 1)}` : `${run.path || "RUN_DIRECTORY"}/${file}`;
  const pyphi = Object.entries(options.pyphi ?? {}).map(([name, value]) => `--option ${quoted(`${name}=${value}`)}`);
  return [
    `${download}lightning-iit phi ${quoted(path)} --state ${state.join(",")} --engine ${quoted(engine)}`,
    ...(options.cuts === "one" ? ["--cuts one"] : []),
    ...(options.new_concepts === false ? ["--no-new-concepts"] : []),
    ...pyphi,
  ].join(" ");
}

/** As a shell takes it: in single quotes where it holds more than plain characters. */
const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

/** The command's text, in which no line ends between the two dashes of an option. */
const unbroken = (command: string): (Node | string)[] =>
  command.split(/(?= --)/).flatMap((part) => {
    const [, dashes, rest] = /^( --[\w-]+)(.*)$/.exec(part) ?? [];
    return dashes === undefined ? [part] : [" ", h("span", { class: "option" }, dashes.trim()), rest ?? ""];
  });

export function commandPanel({ store, controller }: Context): Panel {
  const bits = h("div", { class: "toggles", role: "group", "aria-label": "State to compute" });
  const engine = h("select", { "aria-label": "Engine" });
  const code = h("code", { tabindex: 0 });
  const copy = h("button", { class: "quiet", type: "button" }, "Copy");
  const compute = h("button", { class: "primary", type: "button", hidden: true }, "Compute");
  const answer = h("p", { class: "answer", "aria-live": "polite" });
  let wanted: number[] = [];
  /** The layer and its shown state: with another one, what a person set above goes. */
  let shown = "";

  const row = (side: Side | null, record: EpochRecord | null | undefined) =>
    side?.index?.rows.find((known) => known.layer === record?.layer && known.epoch === record?.epoch);
  const draw = () => {
    const side = shownSide(store.state);
    const record = side?.record;
    if (!side || !record) return fill(code, "");
    fill(code, ...unbroken(commandLine(side.run, row(side, record)?.file ?? "", wanted, engine.value, record.provenance.options)));
    fill(
      bits,
      ...wanted.map((bit, at) => {
        const button = h(
          "button",
          { type: "button", class: "bit", "aria-pressed": String(bit === 1) },
          h("small", {}, unitLetter(at)),
          String(bit),
        );
        button.addEventListener("click", () => {
          wanted = wanted.map((old, other) => (other === at ? 1 - old : old));
          draw();
          (bits.children[at] as HTMLElement | undefined)?.focus();
        });
        return button;
      }),
    );
  };
  engine.addEventListener("change", draw);
  store.on(["engines"], ({ engines }) => {
    const chosen = engine.value;
    fill(engine, ...engines.map((name) => h("option", { value: name }, name)));
    if (engines.includes(chosen)) engine.value = chosen;
    draw();
  });
  copy.addEventListener("click", () => {
    void copied(code).then((done) => {
      copy.textContent = done ? "Copied" : "Selected";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    });
  });
  compute.addEventListener("click", () => {
    const side = shownSide(store.state);
    const record = side?.record;
    if (!side || !record) return;
    compute.disabled = true;
    fill(answer, "Computing …");
    const request = {
      run: side.run.id,
      layer: record.layer,
      epoch: record.epoch,
      state: [...wanted],
      engine: engine.value,
    };
    controller
      .compute(request)
      .then((result) => resultWords(result, request.state))
      .catch((error: unknown) => [error instanceof Error ? error.message : String(error)])
      // Of another record than the one that is shown by now it would say the wrong thing.
      .then((words) => shownSide(store.state)?.record === record && fill(answer, ...words))
      .finally(() => (compute.disabled = false));
  });
  store.on(["a", "b", "shown", "chosenState", "canCompute"], (state, before) => {
    compute.hidden = !state.canCompute;
    const record = shownSide(state)?.record;
    if (state !== before && record === shownSide(before)?.record && state.chosenState === before.chosenState) return;
    const n = record?.units?.indices.length ?? 0;
    const first = record?.states[state.chosenState]?.state ?? new Array<number>(n).fill(0);
    const now = JSON.stringify([record?.layer, first]);
    if (now !== shown) wanted = [...first];
    shown = now;
    fill(answer);
    draw();
  });
  const element = h(
    "section",
    { class: "command" },
    h("h3", {}, "Compute this again"),
    h(
      "div",
      { class: "command-row" },
      bits,
      h("label", { class: "pick" }, h("span", {}, "Engine"), engine),
      h("span", { class: "grow" }),
      copy,
      compute,
    ),
    h("pre", {}, code),
    answer,
  );
  return { element };
}

function resultWords(result: PhiResult, state: readonly number[]): (Node | string)[] {
  if (result.status !== "computed") return [h("b", {}, `${result.status.replace("_", " ")}: `), result.reason];
  const cut = result.cut ? `, severing ${lettersOf(result.cut.from_nodes)} → ${lettersOf(result.cut.to_nodes)}` : "";
  return [
    h("b", { "data-computed": result.phi }, `Φ = ${phiText(result.phi)}`),
    ` in ${state.join("")}${cut}; ${result.concepts.length} concepts, by ${result.engine.name} ${result.engine.version}.`,
  ];
}

async function copied(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return false;
  }
}
