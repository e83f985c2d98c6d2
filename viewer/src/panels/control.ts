// How far the training of the shown run is, and the commands that it takes. Only where the server was started with --control.
import type { CommandRequest, Told, TrainingState } from "../data/types";
import { fill, h, s } from "../dom";
import { askForm } from "../parts/askForm";
import { commandLog } from "../parts/commandLog";
import { popup } from "../parts/popup";
import { about } from "../parts/sheet";
import { watchForm } from "../parts/watchForm";
import type { Fact } from "../scales/training";
import { elsewhere, epochWords, facts, isOfNow, part, phaseOf, remark, sparkline, takesCommands } from "../scales/training";
import type { Context, Panel } from "./panel";

type Asked = Omit<CommandRequest, "run">;

const PLAIN: Omit<Asked, "verb"> = { epochs: null, layer: null, units: null, state: null, formalism: null, to: null, watch: null };
/** Of the popups one is open at a time. */
const GROUP = "control";
/** So many losses make the small curve. */
const LOSSES = 80;
/** So long an answer stands under the commands, in milliseconds. */
const SAID_MS = 20_000;

export function controlPanel({ store, controller }: Context): Panel {
  const phase = h("span", { class: "phase" });
  const made = h("div", { class: "made" });
  const numbers = h("div", { class: "facts" });
  const note = h("p", { class: "control-note" });
  const said = h("p", { class: "control-said", role: "status" });
  const pause = h("button", { class: "primary", type: "button" });
  const stop = h("button", { class: "plain", type: "button" }, "Stop after this epoch");
  const stopNow = h("button", { class: "plain", type: "button" }, "Stop now, within the epoch");
  const epochs = h("input", { type: "number", min: 1, step: 1, "aria-label": "Number of epochs" });
  const setEpochs = h("button", { class: "plain", type: "submit" }, "Set");
  const epochsForm = h(
    "form",
    { class: "epochs-form" },
    h("label", { class: "field" }, h("span", {}, "Epochs"), epochs),
    setEpochs,
  );
  const form = askForm((asked) => void send(asked));
  const watch = watchForm((asked) => void send(asked));
  const log = commandLog();
  const length = popup(
    GROUP,
    "Stop",
    h(
      "div",
      { class: "ask" },
      h("p", { class: "drop-words" }, "Each is a normal end: with checkpoint, report and the last Φ."),
      stop,
      stopNow,
      epochsForm,
    ),
  );
  const ask = popup(GROUP, "Ask it", form.element);
  const watched = popup(GROUP, "Watch", watch.element);
  const history = popup(GROUP, "Log", log.element);
  const losses: { run: string; step: number; values: number[] } = { run: "", step: -1, values: [] };
  let mine: Told | null = null;
  let old = 0;

  const send = async (asked: Asked) => {
    for (const one of popups) one.element.open = false;
    clearTimeout(old);
    fill(said, "Sending …");
    try {
      mine = await controller.command(asked);
      say();
    } catch (error) {
      mine = null;
      fill(said, error instanceof Error ? error.message : String(error));
      said.className = "control-said refused";
    }
  };
  let noted = "";
  const showNote = (training: TrainingState | null) => {
    const words = training
      ? remark(training, controller.mayCommand, store.state.a?.whole.index?.rows ?? [])
      : "Waiting for the server.";
    const runs = training ? elsewhere(training) : [];
    const now = JSON.stringify([words, runs]);
    if (now === noted) return; // what a person is about to press stays
    noted = now;
    const others = runs.map((run) => {
      const button = h("button", { class: "link", type: "button" }, run);
      button.addEventListener("click", () => void controller.chooseRun("a", run));
      return button;
    });
    fill(
      note,
      words,
      others.length > 0 && `${words ? " " : ""}Running: `,
      ...others.flatMap((one, at) => (at ? [", ", one] : [one])),
    );
  };
  /** The answer to the last command of this page. */
  const say = () => {
    if (!mine) return;
    const told = store.state.training?.told.find(({ id }) => id === mine?.id) ?? mine;
    said.className = `control-said ${told.outcome}`;
    fill(said, h("code", {}, told.words), ` ${told.answer || "is sent; the answer comes when the batch has ended."}`);
    if (!told.outcome) return;
    mine = null; // it is in the log from now on
    clearTimeout(old);
    old = window.setTimeout(() => fill(said), SAID_MS);
  };
  pause.addEventListener("click", () => void send({ ...PLAIN, verb: isPaused() ? "resume" : "pause" }));
  stop.addEventListener("click", () => void send({ ...PLAIN, verb: "stop" }));
  stopNow.addEventListener("click", () => void send({ ...PLAIN, verb: "stop-now" }));
  epochsForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (epochs.value) void send({ ...PLAIN, verb: "epochs", epochs: Number(epochs.value) });
  });
  const isPaused = () => store.state.training?.phase === "paused";
  const popups = [length, ask, watched, history];

  const element = h("section", { class: "control", "aria-label": "Control of the training", hidden: true });
  const content = [
    h("div", { class: "control-row" }, phase, made, numbers, note),
    h("div", { class: "control-row commands" }, pause, ...popups.map((one) => one.element), about("control")),
    said,
  ];
  store.on(["canControl", "training", "a"], (state, before) => {
    // That of another run is told until the server has told of this one.
    const training = state.training?.run === state.a?.run.id ? state.training : null;
    element.hidden = !state.canControl || !state.a;
    if (element.hidden) return;
    if (!element.childElementCount) element.append(...content); // a page without control has nothing of it
    if (state.a?.run.id !== before.a?.run.id) {
      mine = null;
      fill(said);
      epochs.value = "";
    }
    const isAlive = training !== null && takesCommands(training);
    const isAble = isAlive && controller.mayCommand;
    for (const button of [pause, stop, stopNow, setEpochs]) button.disabled = !isAble;
    epochs.disabled = !isAble;
    form.able(isAble);
    watch.able(isAble);
    element.classList.toggle("idle", !isAlive);
    pause.textContent = isPaused() ? "Resume" : "Pause";
    phase.className = `phase ${training?.phase ?? ""}`;
    fill(phase, h("i"), training ? phaseOf(training) : "…");
    showNote(training);
    if (!training) return fill(numbers);
    keepLoss(losses, training.run, training.status?.step ?? 0, training.status?.loss ?? null);
    const done = part(training);
    const shown = isOfNow(training) ? training.status : null;
    fill(made, shown && h("b", {}, epochWords(training)), shown && done !== null && bar(done));
    fill(numbers, ...(shown ? facts(training).map((fact) => factOf(fact, losses.values)) : []));
    if (document.activeElement !== epochs) epochs.placeholder = String(shown?.epochs ?? "");
    const network = state.a?.network;
    const drawn = network?.layers.filter(({ kind }) => kind !== "input").map(({ name }) => name) ?? [];
    form.layers(shown?.layers ?? [], drawn);
    watch.layers(shown?.layers ?? [], drawn);
    history.button.textContent = `Log (${training.told.length})`;
    log.show(training.told, state.a?.whole.index?.steps ?? []);
    say();
  });
  store.on(["unit"], ({ unit }) => {
    if (unit && ask.element.open) form.pick(unit);
  });
  return { element };
}

/** Keeps the losses of a run while the page looks; one that begins anew, or another run, begins a new curve. */
function keepLoss(losses: { run: string; step: number; values: number[] }, run: string, step: number, loss: number | null): void {
  if (run !== losses.run || step < losses.step) losses.values = [];
  else if (step === losses.step) return;
  Object.assign(losses, { run, step });
  if (loss !== null) losses.values = [...losses.values, loss].slice(-LOSSES);
}

function bar(done: number): HTMLElement {
  const percent = Math.round(100 * done);
  return h(
    "div",
    {
      class: "bar-of",
      role: "progressbar",
      "aria-valuenow": percent,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-label": "Done",
    },
    h("i", { style: { width: `${100 * done}%` } }),
  );
}

function factOf({ name, text, title }: Fact, losses: readonly number[]): HTMLElement {
  const points = name === "Batch loss" ? sparkline(losses, 72, 20) : "";
  const curve = points
    ? s("svg", { viewBox: "0 0 72 20", class: "spark", "aria-hidden": "true" }, s("polyline", { points }))
    : null;
  return h("div", { class: "fact", title, "data-fact": name.toLowerCase() }, h("span", {}, name), h("b", {}, text), curve);
}
