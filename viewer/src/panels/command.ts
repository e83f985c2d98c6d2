// The command line that computes this partition again, and, where the server may, a button that does it.
import type { Asked } from "../data/results";
import type { EpochRecord, PhiResult } from "../data/types";
import { fill, h } from "../dom";
import { answerWords, isCostly, otherWords, rankedWords, withoutServer } from "../parts/answerWords";
import type { Options } from "../parts/commandLine";
import { askedOptions, shownCommand, unbroken } from "../parts/commandLine";
import { askedWords, isRecorded, nowLine, questionLine } from "../parts/question";
import { about } from "../parts/sheet";
import { unitLetter } from "../scales/bits";
import { FIRST, isIIT4 } from "../scales/formalism";
import { takesCommands, unitNumbers } from "../scales/training";
import { analysisOf, isOtherAnalysis } from "../state/analysis";
import type { Side } from "../state/app";
import { shownSide } from "../state/app";
import type { Question } from "../state/questions";
import type { Context, Panel } from "./panel";

/** An answer that takes longer, in seconds, says so before. */
const LONG_SECONDS = 5;
const NOW_WORDS =
  "The training is asked: the network as it is after its next batch. Units that are counted are counted to the epoch's end.";

/** The formalism, where a command without it could compute another one. */
const namedFormalism = ({ whole }: Side, { formalism }: EpochRecord): string =>
  isIIT4(formalism) || whole.record?.others.length ? formalism : "";

/** The options that this formalism has: a further one has only those that all formalisms have. */
function optionsOf({ whole }: Side, record: EpochRecord): Options {
  const { options } = record.provenance;
  return record.formalism === (whole.record?.formalism ?? FIRST) ? options : { nodes: options.nodes };
}

const placeOf = (side: Side | null): string => JSON.stringify([side?.run.id, side?.record?.layer]);

export function commandPanel({ store, controller }: Context): Panel {
  const units = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", class: "units", "aria-label": "Units" });
  const aboutUnits = h("p", { class: "empty-words", role: "status" });
  const otherUnits = h("button", { class: "quiet other-units", type: "button", "aria-expanded": "false" }, "Other units");
  const moment = h(
    "select",
    { "aria-label": "Of which moment" },
    h("option", { value: "record" }, "at the shown epoch"),
    h("option", { value: "now" }, "now, in the training"),
  );
  const unitsRow = h(
    "div",
    { class: "units-row", hidden: true },
    h("label", { class: "pick" }, h("span", {}, "Units"), units),
    moment,
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
    h("h3", {}, "Compute this again"),
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
    h("div", { class: "code-row" }, h("pre", {}, code), copy, otherUnits),
    answer,
    h("p", { class: "empty-words none-words" }, "The record holds no units, so there is nothing to compute."),
  );
  let wanted: number[] = [];
  /** Other units than those of the record, where a person asks for them. */
  let others: number[] | null = null;
  let computing = false;
  /** Whether an answer that would take long is to say so first. */
  let hurry = true;
  /** The run, the layer and its shown state: with another one, what a person set above goes. */
  let shown = "";
  let place = "";
  /** Whether the last question was to the training, as it is now. */
  let isOfNow = false;

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
    if (others && isNow()) {
      fill(code, ...unbroken(nowLine(side.run, record, others, wanted, formalism)));
    } else if (others) {
      const rest = askedOptions(wanted, engine.value, formalism).join(" ");
      fill(code, ...unbroken(questionLine(side.run, record, file, others, rest)));
    } else fill(code, ...shownCommand(side.run, file, wanted, engine.value, optionsOf(side, record), formalism));
    const told = isNow() ? NOW_WORDS : others && askedWords(record, others);
    fill(aboutUnits, (others && told) || "Type their numbers, or click them in the network.");
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
          ready();
          draw();
          (bits.children[at] as HTMLElement | undefined)?.focus();
        });
        return button;
      }),
    );
  };
  /** Whether the training of the shown run can be asked. */
  const isAlive = (): boolean => {
    const { training, a, shown: side } = store.state;
    return controller.mayCommand && side === "a" && training !== null && training.run === a?.run.id && takesCommands(training);
  };
  const isNow = (): boolean => others !== null && moment.value === "now" && isAlive();
  /** What was said to take long is asked anew, and said again. */
  const ready = () => {
    hurry = true;
    able();
  };
  for (const one of [engine, moment]) {
    one.addEventListener("change", () => {
      ready();
      draw();
    });
  }
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
    if (record && others) moment.value = isAlive() && !isRecorded(record, others) ? "now" : "record";
    ready();
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
    const record = shownSide(store.state)?.record;
    const isThere = others ? isNow() || (record && isRecorded(record, others)) : record?.tpm;
    rank.disabled = compute.disabled = computing || !isThere;
    compute.hidden = !store.state.canCompute;
    moment.hidden = !isAlive();
    compute.textContent = computing ? "Computing …" : isNow() ? "Ask it" : hurry ? "Compute" : "Compute all the same";
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
  const ask = (asked: (about: (words: string) => void) => Promise<(Node | string)[]>) => {
    const state = store.state;
    if (!shownSide(state)?.record) return;
    computing = true;
    isOfNow = isNow();
    able();
    fill(answer);
    // Of another record than the one that is shown by then it would say the wrong thing; of the training now it is of none.
    const [record, from] = [shownSide(state)?.record, placeOf(shownSide(state))];
    const still = isOfNow ? () => placeOf(shownSide(store.state)) === from : () => shownSide(store.state)?.record === record;
    asked((words) => still() && fill(answer, words))
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
  const question = (wish: Question["wanted"]): Question => ({
    wanted: wish,
    state: [...wanted],
    engine: engine.value,
    units: others && [...others],
    mostSeconds: hurry ? LONG_SECONDS : null,
  });
  /** Says how long it would take, where that is long; the next time it is computed all the same. */
  const weighed = <T extends Asked | string | null>(found: T): T => {
    hurry = !isCostly(found);
    return found;
  };
  compute.addEventListener("click", () => {
    const asked = question("phi");
    if (!others) {
      return ask(async () => answerWords(weighed(await controller.compute(asked.state, asked.engine, asked.mostSeconds))));
    }
    const now = isNow();
    return ask(async (heard) => {
      const found = weighed(now ? await controller.askNow(asked, heard) : await controller.ask(asked));
      return typeof found === "string" ? [found] : found ? otherWords(found as PhiResult, asked) : [];
    });
  });
  rank.addEventListener("click", () => {
    if (!store.state.canCompute) return fill(answer, ...withoutServer(isNow()));
    const [asked, shownThen, now] = [question("partitions"), store.state.chosenState, isNow()];
    return ask(async (heard) => {
      const found = now ? await controller.askNow(asked, heard) : await controller.ask(asked);
      if (typeof found === "string") return [found];
      return now || store.state.chosenState === shownThen ? rankedWords(found, asked) : [];
    });
  });
  store.on(["training", "a", "shown"], () => able());
  store.on(["a", "b", "shown", "chosenState", "computations", "canCompute"], (state, before) => {
    if (!isOtherAnalysis(state, before)) return;
    const side = shownSide(state);
    const record = side?.record;
    able();
    const n = record?.units?.indices.length ?? 0;
    units.placeholder = record?.units?.indices.join(", ") ?? "";
    const first = analysisOf(state)?.state ?? new Array<number>(n).fill(0);
    const now = JSON.stringify([side?.run.id, record?.layer, first]);
    // Units that are asked about stay while a training goes on, whose newest epoch is shown: so does what it has answered.
    const isSame = placeOf(side) === place;
    if (now !== shown && !(others && isSame)) {
      wanted = [...first];
      others = null;
      units.value = "";
      ready();
    }
    shown = now;
    place = placeOf(side);
    if (!isOfNow || !isSame) fill(answer);
    draw();
  });
  return { element };
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
