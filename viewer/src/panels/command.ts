// The command line that computes this partition again, and, where the server may, a button that does it.
import type { Asked } from "../data/results";
import { hasPhi, isRanked } from "../data/results";
import type { EpochRecord, PhiResult, RunInfo } from "../data/types";
import { fill, h } from "../dom";
import { severedLetters } from "../parts/partitionWords";
import { askedWords, questionLine, quoted } from "../parts/question";
import { about } from "../parts/sheet";
import { lettersOf, unitLetter } from "../scales/bits";
import { FIRST, isIIT4, symbolOf } from "../scales/formalism";
import { count, phiText, statusWords } from "../scales/format";
import { unitNumbers } from "../scales/training";
import { analysisOf, isOtherAnalysis } from "../state/analysis";
import type { Side } from "../state/app";
import { shownSide } from "../state/app";
import type { Context, Panel } from "./panel";

type Options = Partial<EpochRecord["provenance"]["options"]>;

/** The exact command for a record, a state and an engine, with the options that change what Φ is. */
export const commandLine = (...of: Parameters<typeof commandParts>): string => {
  const { download, program, folders, rest } = commandParts(...of);
  return download + program + folders + rest;
};

/** The command in its parts: what fetches the record, the program, the folders of the record's file, and the rest. */
function commandParts(
  run: RunInfo,
  file: string,
  state: readonly number[],
  engine: string,
  options: Options = {},
  formalism = "",
): { download: string; program: string; folders: string; rest: string } {
  const [id, ...name] = run.id.split("/"); // in MLflow a callback with a name is a folder of the run
  const download = run.tracking_uri
    ? `MLFLOW_TRACKING_URI=${quoted(run.tracking_uri)} mlflow artifacts download --run-id ${quoted(id ?? "")} --artifact-path ${quoted([...name, file].join("/"))} --dst-path . && `
    : "";
  const path = quoted(download ? `./${file.slice(file.lastIndexOf("/") + 1)}` : `${run.path || "RUN_DIRECTORY"}/${file}`);
  const named = path.lastIndexOf("/", path.lastIndexOf("/") - 1) + 1; // the layer's folder and the file
  const pyphi = Object.entries(options.pyphi ?? {}).map(([name, value]) => `--option ${quoted(`${name}=${value}`)}`);
  const rest = [
    `${path.slice(named)} --state ${state.join(",")} --engine ${quoted(engine)}`,
    ...(formalism ? [`--formalism ${formalism}`] : []),
    ...(options.nodes ? [`--nodes ${options.nodes.join(",")}`] : []),
    ...(options.cuts === "one" ? ["--cuts one"] : []),
    ...(options.new_concepts === false ? ["--no-new-concepts"] : []),
    ...pyphi,
  ].join(" ");
  return { download, program: "lightning-iit phi ", folders: path.slice(0, named), rest };
}

/** The command as text; a small window shows little of what fetches the record, and of its folders. */
function shownCommand(...of: Parameters<typeof commandParts>): (Node | string)[] {
  const { download, program, folders, rest } = commandParts(...of);
  const folded = (text: string) => (text ? [h("span", { class: "folded" }, text)] : []);
  return [...folded(download), program, ...folded(folders), ...unbroken(rest)];
}

/** Text in which no line ends between the two dashes of an option. */
const unbroken = (command: string): (Node | string)[] =>
  command.split(/(?= --)/).flatMap((part) => {
    const [, dashes, rest] = /^( --[\w-]+)(.*)$/.exec(part) ?? [];
    return dashes === undefined ? [part] : [" ", h("span", { class: "option" }, dashes.trim()), rest ?? ""];
  });

/** The formalism, where a command without it could compute another one. */
const namedFormalism = ({ whole }: Side, { formalism }: EpochRecord): string =>
  isIIT4(formalism) || whole.record?.others.length ? formalism : "";

/** The options that this formalism has: a further one has only those that all formalisms have. */
function optionsOf({ whole }: Side, record: EpochRecord): Options {
  const { options } = record.provenance;
  return record.formalism === (whole.record?.formalism ?? FIRST) ? options : { nodes: options.nodes };
}

export function commandPanel({ store, controller }: Context): Panel {
  const units = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", class: "units", "aria-label": "Units" });
  const aboutUnits = h("p", { class: "empty-words", role: "status" });
  const otherUnits = h("button", { class: "quiet", type: "button", "aria-expanded": "false" }, "Other units");
  const unitsRow = h(
    "div",
    { class: "units-row", hidden: true },
    h("label", { class: "pick" }, h("span", {}, "Units"), units),
    aboutUnits,
  );
  const bits = h("div", { class: "toggles", role: "group", "aria-label": "State to compute" });
  const engine = h("select", { "aria-label": "Engine" });
  const code = h("code", { tabindex: 0 });
  const copy = h("button", { class: "quiet", type: "button" }, "Copy");
  const compute = h("button", { class: "primary", type: "button", hidden: true }, "Compute");
  const rank = h("button", { class: "quiet", type: "button" }, "Best partitions");
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const element = h(
    "section",
    { class: "command" },
    h("div", { class: "title-row" }, h("h3", {}, "Compute this again"), otherUnits),
    about("command"),
    h(
      "div",
      { class: "command-row" },
      bits,
      h("label", { class: "pick" }, h("span", {}, "Engine"), engine),
      h("span", { class: "grow" }),
      rank,
      compute,
    ),
    unitsRow,
    h("div", { class: "code-row" }, h("pre", {}, code), copy),
    answer,
    h("p", { class: "empty-words none-words" }, "The record holds no units, so there is nothing to compute."),
  );
  let wanted: number[] = [];
  /** Other units than those of the record, where a person asks for them. */
  let others: number[] | null = null;
  let computing = false;
  /** The run, the layer and its shown state: with another one, what a person set above goes. */
  let shown = "";

  const row = (side: Side | null, record: EpochRecord | null | undefined) =>
    side?.index?.rows.find((known) => known.layer === record?.layer && known.epoch === record?.epoch);
  const draw = () => {
    const side = shownSide(store.state);
    const record = side?.record;
    fill(bits);
    fill(code);
    const none = !record?.units;
    element.classList.toggle("no-units", none);
    if (!side || !record || none) return;
    const file = row(side, record)?.file ?? "";
    const formalism = namedFormalism(side, record);
    if (others) {
      const rest = `--state ${wanted.join(",")} --engine ${quoted(engine.value)}${formalism ? ` --formalism ${formalism}` : ""}`;
      fill(code, ...unbroken(questionLine(side.run, record, file, others, rest)));
    } else fill(code, ...shownCommand(side.run, file, wanted, engine.value, optionsOf(side, record), formalism));
    fill(aboutUnits, others ? askedWords(record, others) : "Type their numbers, or click them in the network.");
    fill(
      bits,
      ...wanted.map((bit, at) => {
        const button = h(
          "button",
          { type: "button", class: "bit", "aria-pressed": String(bit === 1) },
          h("small", {}, others ? String(others[at]) : unitLetter(at)),
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
  const choose = () => {
    const record = shownSide(store.state)?.record;
    const own = record?.units?.indices ?? [];
    const found = unitNumbers(units.value);
    const before = others;
    const isOther = found !== null && found.length > 1 && new Set(found).size === found.length && found.join() !== own.join();
    others = isOther ? found : null;
    if (others?.join() === before?.join()) return;
    const state = analysisOf(store.state)?.state ?? own.map(() => 0);
    wanted = others ? others.map((unit) => state[own.indexOf(unit)] ?? 0) : [...state];
    able();
    draw();
  };
  units.addEventListener("input", choose);
  const open = (isOpen: boolean) => {
    unitsRow.hidden = !isOpen;
    otherUnits.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) units.value = "";
    choose();
    if (isOpen) units.focus();
  };
  otherUnits.addEventListener("click", () => open(unitsRow.hidden === true));
  store.on(["unit"], ({ unit }) => {
    if (!unit || unitsRow.hidden || unit.layer !== shownSide(store.state)?.record?.layer) return;
    const now = unitNumbers(units.value) ?? [];
    units.value = (now.includes(unit.index) ? now.filter((one) => one !== unit.index) : [...now, unit.index]).join(", ");
    choose();
  });
  const able = () => {
    rank.disabled = compute.disabled = computing || others !== null || !shownSide(store.state)?.record?.tpm;
    compute.textContent = computing ? "Computing …" : "Compute";
  };
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
  const ask = (asked: () => Promise<(Node | string)[]>) => {
    const state = store.state;
    if (!shownSide(state)?.record) return;
    computing = true;
    able();
    fill(answer);
    // Of another record than the one that is shown by then it would say the wrong thing.
    const still = () => shownSide(store.state)?.record === shownSide(state)?.record;
    asked()
      .catch((error: unknown) => [error instanceof Error ? error.message : String(error)])
      .then((words) => {
        if (!still()) return;
        fill(answer, ...words);
        answer.scrollIntoView({ block: "nearest" }); // a small window cuts the panel off above it
      })
      .finally(() => {
        computing = false;
        able();
      });
  };
  compute.addEventListener("click", () => ask(async () => answerWords(await controller.compute(wanted, engine.value))));
  rank.addEventListener("click", () => {
    if (!store.state.canCompute) return fill(answer, ...withoutServer());
    const [state, shownThen] = [[...wanted], store.state.chosenState];
    return ask(async () => {
      const found = await controller.rank(state, engine.value);
      return store.state.chosenState === shownThen ? rankedWords(found, state) : [];
    });
  });
  store.on(["a", "b", "shown", "chosenState", "computations", "canCompute"], (state, before) => {
    compute.hidden = !state.canCompute;
    if (!isOtherAnalysis(state, before)) return;
    const side = shownSide(state);
    const record = side?.record;
    able();
    const n = record?.units?.indices.length ?? 0;
    units.placeholder = record?.units?.indices.join(", ") ?? "";
    const first = analysisOf(state)?.state ?? new Array<number>(n).fill(0);
    const now = JSON.stringify([side?.run.id, record?.layer, first]);
    if (now !== shown) {
      wanted = [...first];
      others = null;
      units.value = "";
      able();
    }
    shown = now;
    fill(answer);
    draw();
  });
  return { element };
}

function answerWords(result: PhiResult | null): (Node | string)[] {
  if (result && hasPhi(result)) {
    const symbol = symbolOf(result.status === "computed" ? FIRST : result.formalism);
    return [
      h("span", { class: "visually-hidden" }, `${symbol} = ${phiText(result.phi)}: it is among the states above, and shown.`),
    ];
  }
  return result ? [h("b", {}, `${statusWords[result.status]}: `), result.reason] : [];
}

const withoutServer = (): (Node | string)[] => [
  "The partitions with the next smallest Φ: add ",
  h("code", {}, "--partitions 5"),
  " to the command.",
];

/** The best partitions as a list, or why there are none. */
function rankedWords(found: Asked | null, state: readonly number[]): (Node | string)[] {
  if (!found) return [];
  if (!isRanked(found)) return "status" in found ? answerWords(found) : [];
  if (!found.partitions.length) return [found.reason];
  const symbol = symbolOf(found.formalism);
  const rows = found.partitions.map(({ cut, severed, phi, signed_phi: signed, normalized_phi: normalized }) =>
    h(
      "li",
      { "data-phi": phi, "data-signed": signed },
      h("b", {}, cut ? `${lettersOf(cut.from_nodes)} → ${lettersOf(cut.to_nodes)}` : severedLetters(severed)),
      ` ${symbol} = ${phiText(phi)}`,
      // Of partitions with φ_s = 0 the sign tells which says more.
      phi > 0 || signed === null ? "" : `, signed ${symbol} = ${phiText(signed)}`,
      phi > 0 && normalized !== null ? `, normalised ${phiText(normalized)}` : "",
    ),
  );
  const of = `In state ${state.join("")}, the ${rows.length} best of ${count(found.number)} partitions, the minimum first:`;
  return [h("p", {}, of), h("ol", { class: "ranked" }, ...rows)];
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
