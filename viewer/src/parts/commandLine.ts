// The command line that computes a record's Φ again.
import type { EpochRecord, RunInfo } from "../data/types";
import { h } from "../dom";
import { quoted } from "./question";

export type Options = Partial<EpochRecord["provenance"]["options"]>;

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
    path.slice(named),
    ...askedOptions(state, engine, formalism),
    ...(options.nodes ? [`--nodes ${options.nodes.join(",")}`] : []),
    ...(options.cuts === "one" ? ["--cuts one"] : []),
    ...(options.new_concepts === false ? ["--no-new-concepts"] : []),
    ...pyphi,
  ].join(" ");
  return { download, program: "lightning-iit phi ", folders: path.slice(0, named), rest };
}

/** The options of what is asked: without an engine the program chooses one, without a formalism it takes the record's. */
export const askedOptions = (state: readonly number[], engine: string, formalism: string): string[] => [
  `--state ${state.join(",")}`,
  ...(engine === "auto" ? [] : [`--engine ${quoted(engine)}`]),
  ...(formalism ? [`--formalism ${formalism}`] : []),
];

/** The command as text; a small window shows little of what fetches the record, and of its folders. */
export function shownCommand(...of: Parameters<typeof commandParts>): (Node | string)[] {
  const { download, program, folders, rest } = commandParts(...of);
  const folded = (text: string) => (text ? [h("span", { class: "folded" }, text)] : []);
  return [...folded(download), program, ...folded(folders), ...unbroken(rest)];
}

/** Text in which no line ends between the two dashes of an option. */
export const unbroken = (command: string): (Node | string)[] =>
  command.split(/(?= --)/).flatMap((part) => {
    const [, dashes, rest] = /^( --[\w-]+)(.*)$/.exec(part) ?? [];
    return dashes === undefined ? [part] : [" ", h("span", { class: "option" }, dashes.trim()), rest ?? ""];
  });
