import { describe, expect, it, vi } from "vitest";
import type { Hearing } from "../src/data/stream";
import type { LiveStep, NetworkLayer, Told, TrainingState } from "../src/data/types";
import { activityAt, activityRange, nowOf } from "../src/scales/activity";
import {
  duration,
  elsewhere,
  epochWords,
  facts,
  isOfNow,
  liveness,
  part,
  phaseOf,
  phiOf,
  remark,
  sparkline,
  takesCommands,
} from "../src/scales/training";
import type { AppState } from "../src/state/app";
import { firstState, isLive, newSide } from "../src/state/app";
import { Following } from "../src/state/following";
import { Store } from "../src/state/store";
import { row } from "./rows";

type Status = NonNullable<TrainingState["status"]>;

const status = (given: Partial<Status> = {}): Status => ({
  run: "x",
  pace: "running",
  epoch: 2,
  epochs: 10,
  ends: false,
  broken: false,
  batch: 5,
  batches: 10,
  step: 25,
  steps: null,
  loss: 0.25,
  seconds_left: 75,
  waiting: 1,
  layers: ["gru"],
  written: 0,
  ...given,
});
const training = (given: Partial<TrainingState> = {}, of: Partial<Status> = {}): TrainingState => ({
  run: "r",
  phase: "running",
  status: status(of),
  age: 0.2,
  told: [],
  others: [],
  ...given,
});

describe("how far a training is", () => {
  it.each([
    [0.4, "0 s"],
    [59.4, "59 s"],
    [90, "2 min"],
    [3600 * 2.5, "2 h 30 min"],
    [86_400 * 3, "3 days"],
  ])("%d seconds are %s", (seconds, words) => expect(duration(seconds)).toBe(words));

  it("is the part of epochs or of steps, whichever ends it first", () => {
    expect(part(training())).toBeCloseTo(0.25);
    expect(part(training({}, { steps: 50 }))).toBeCloseTo(0.5);
    expect(part(training({}, { epochs: null }))).toBeNull();
    expect(part(training({}, { batches: null }))).toBeCloseTo(0.2);
    expect(part(training({ status: null }))).toBeNull();
  });

  it("names the epoch from 0, and the how many-th it is", () => {
    expect(epochWords(training())).toBe("Epoch 2 (3 of 10)");
    expect(epochWords(training({}, { epochs: null }))).toBe("Epoch 2");
    expect(epochWords(training({}, { epoch: 10 }))).toBe("Epoch 10 (10 of 10)"); // Lightning has it so at the end
  });

  it("says step, loss, time left and what waits; of one that has ended only what it was", () => {
    const names = (one: TrainingState) => facts(one).map(({ name, text }) => `${name} ${text}`);
    expect(names(training())).toEqual(["Step 25", "Batch loss 0.25", "Left 1 min", "Analyses waiting 1"]);
    expect(names(training({ age: 30 })).at(-1)).toBe("As of 30 s ago");
    expect(names(training({ phase: "ended", age: 1e6 }, { loss: null }))).toEqual(["Step 25", "Batch loss –"]);
    expect(names(training({}, { seconds_left: null }))).not.toContain("Left 1 min");
  });

  it("says why there is nothing to command", () => {
    expect(remark(training(), true)).toBe("");
    expect(remark(training({}, { ends: true }), true)).toContain("ends after this epoch");
    expect(remark(training(), false)).toContain("with its token");
    expect(remark(training({ phase: "deaf", status: null }), true)).toContain("control=False");
    expect(remark(training({ phase: "ending" }), true)).toContain("Its last step is made");
    expect(remark(training({ phase: "none" }), false)).toContain("nothing to control");
  });

  it("says of one that ended unseen only where it was when somebody looked", () => {
    const unseen = training({ phase: "ended" });
    expect(isOfNow(unseen)).toBe(false);
    const rows = [row("a", 0, { global_step: 4 }), row("b", 5, { global_step: 8628 }), row("b", 4, { global_step: 7000 })];
    expect(remark(unseen, true, rows)).toBe("No training runs here any more. Its last record is of epoch 5, step 8,628.");
    expect(remark(unseen, true)).toBe("No training runs here any more.");
    expect(phaseOf(unseen)).toBe("Ended");
    expect(isOfNow(training({ phase: "ended" }, { pace: "ending" }))).toBe(true);
    expect(isOfNow(training({ phase: "ended", status: null }))).toBe(false);
    expect(remark(training({ phase: "ended", status: null }), true)).toBe("No training runs here any more.");
    expect((["running", "paused", "ending"] as const).map((phase) => isOfNow(training({ phase })))).toEqual([true, true, true]);
  });

  it("says of one that has told its end how far it came, and no more that is old", () => {
    const done = training({ phase: "ended", age: 1e6 }, { pace: "ending", epoch: 6, epochs: 6, batch: 10, step: 8628 });
    const made = (of: Partial<Status>) => epochWords(training({ phase: "ended" }, { pace: "ending", ...of }));
    expect([phaseOf(done), epochWords(done), remark(done, true)]).toEqual(["Done", "6 of 6 epochs", ""]);
    expect(facts(done)[0]).toEqual({ name: "Step", text: "8,628" });
    expect(made({ epoch: 3, epochs: 6, batch: 4 })).toBe("3 of 6 epochs, the last in part");
    expect([made({ epoch: 1, epochs: null, batches: null }), made({ epoch: 2, epochs: null, batches: null })]).toEqual([
      "1 epoch",
      "2 epochs",
    ]);
    const broken = training({ phase: "ended" }, { pace: "ending", broken: true, epoch: 3 });
    expect([phaseOf(broken), epochWords(broken)]).toEqual(["Ended", "Epoch 3 (4 of 10)"]);
    expect(remark(broken, true)).toBe("An error or an interrupt ended this training.");
    expect(phaseOf(training())).toBe("Running");
  });

  it("is live only while it runs", () => {
    expect(liveness(false, false, undefined)).toEqual(["off", "file"]);
    expect(liveness(true, true, "running")).toEqual(["lost", "no answer"]);
    expect((["running", "paused", "ending", "deaf"] as const).map((phase) => liveness(true, false, phase)[1])).toEqual(
      Array(4).fill("live"),
    );
    expect(liveness(true, false, "ended")).toEqual(["off ended", "ended"]);
    expect([undefined, "none" as const].map((phase) => liveness(true, false, phase)[1])).toEqual(["connected", "connected"]);
  });

  it("names the trainings that run where that of this run does not", () => {
    const others = ["b", "c", "d", "e", "f"];
    expect(elsewhere(training({ phase: "ended", others }))).toEqual(["b", "c", "d", "e"]);
    expect(elsewhere(training({ others }))).toEqual([]);
    const phases = ["running", "paused", "ending", "deaf", "ended", "none"] as const;
    expect(phases.filter((phase) => takesCommands(training({ phase })))).toEqual(["running", "paused"]);
  });

  it("gives Φ of the records of a command once it is there", () => {
    const told = { records: ["iit/gru/epoch=0001-step=000005.json"] } as Told;
    const open = { ...row("gru", 1), file: told.records[0] as string, status: "open" as const };
    expect(phiOf(told, [])).toBe("");
    expect(phiOf(told, [open, row("gru", 2)])).toBe("gru: Φ waits");
    expect(phiOf(told, [{ ...open, status: "computed", phi: 0.5, phi_layer: 0.25 }])).toBe("gru: Φ 0.2500");
  });

  it("draws the loss from its largest value above to its smallest below", () => {
    expect(sparkline([3], 10, 12)).toBe("");
    expect(sparkline([3, 1, 2], 10, 12)).toBe("0.0,1.0 5.0,11.0 10.0,6.0");
    expect(sparkline([2, 2], 10, 12)).toBe("0.0,6.0 10.0,6.0");
  });
});

describe("activity of now", () => {
  const layer = { name: "gru", indices: [3, 8], activity: [[0, 1], [4, 2]], mean_activity: [2, 1.5] } as unknown as NetworkLayer; // biome-ignore format: rows
  const step: LiveStep = { run: "r", step: 7, layers: [{ name: "gru", indices: [8, 9], values: [3, 0] }] };

  it("is found by layer and index, and is unknown where it was not told", () => {
    expect(nowOf([layer, { ...layer, name: "other" }], step)).toEqual([
      [undefined, 3],
      [undefined, undefined],
    ]);
  });

  it("is shown within the range of the recorded steps", () => {
    const range = activityRange(layer);
    expect(activityAt(layer, range, 1, 0, 3)).toBe(0.75);
    expect([9, -9].map((value) => activityAt(layer, range, 1, 0, value))).toEqual([1, 0]);
    expect(activityAt(layer, range, 1, 0)).toBe(0.25);
  });

  it("is shown while the newest epoch is, and nothing recorded is played", () => {
    expect(isLive({ now: step, follow: true, playing: false })).toBe(true);
    expect(isLive({ now: step, follow: false, playing: false })).toBe(false);
    expect(isLive({ now: step, follow: true, playing: true })).toBe(false);
    expect(isLive({ now: null, follow: true, playing: false })).toBe(false);
  });
});

describe("following", () => {
  const run = (id: string) => ({ id, name: id, modified: 0, path: "", tracking_uri: "" });
  function setUp() {
    const page = { hidden: false, act: () => {} };
    vi.stubGlobal("document", {
      get hidden() {
        return page.hidden;
      },
      addEventListener: (_: string, act: () => void) => (page.act = act),
    });
    const opened: { runs: readonly string[]; hearing: Hearing; ended: boolean }[] = [];
    const source = {
      follow: (runs: readonly string[], hearing: Hearing) => {
        const one = { runs, hearing, ended: false };
        opened.push(one);
        return () => {
          one.ended = true;
          hearing.isTold(false);
        };
      },
    };
    const store = new Store<AppState>(firstState("dark"));
    const asked: boolean[] = [];
    const following = new Following(source as never, store, async (full) => void asked.push(full));
    following.start();
    const last = () => opened[opened.length - 1] as (typeof opened)[number];
    return { page, opened, store, asked, following, last };
  }

  it("hears of the runs that are looked at, and of nothing where the server tells nothing", () => {
    const { opened, store, last } = setUp();
    store.set({ a: newSide(run("x")) });
    expect(opened).toEqual([]);
    store.set({ canPush: true });
    expect(last().runs).toEqual(["x"]);
    store.set({ b: newSide(run("y")) });
    expect(opened.map(({ ended }) => ended)).toEqual([true, false]);
    expect(last().runs).toEqual(["x", "y"]);
    store.set({ a: { ...newSide(run("x")), networkProblem: "another object of the same run" } });
    expect(opened.length).toBe(2);
  });

  it("asks once when it begins to hear, and then only for what is new", () => {
    const { store, asked, following, last } = setUp();
    store.set({ canPush: true, a: newSide(run("x")) });
    expect(following.isTold).toBe(false);
    last().hearing.isTold(true);
    expect([following.isTold, asked]).toEqual([true, [true]]);
    last().hearing.records("x");
    last().hearing.runs();
    expect(asked).toEqual([true, false, true]);
    last().hearing.isTold(false);
    expect(following.isTold).toBe(false);
  });

  it("keeps what is told of the first run alone, and forgets it with the run", () => {
    const { store, last } = setUp();
    store.set({ canPush: true, a: newSide(run("x")) });
    const { hearing } = last();
    hearing.training(training({ run: "other" }));
    expect(store.state.training).toBeNull();
    hearing.training(training({ run: "x" }));
    hearing.activity({ run: "x", step: 3, layers: [] });
    expect([store.state.training?.run, store.state.now?.step]).toEqual(["x", 3]);
    store.set({ a: newSide(run("z")) });
    expect([store.state.training, store.state.now]).toEqual([null, null]);
  });

  it("is told nothing while the page is not seen", () => {
    const { page, opened, store, last } = setUp();
    store.set({ canPush: true, a: newSide(run("x")) });
    page.hidden = true;
    page.act();
    expect(opened.map(({ ended }) => ended)).toEqual([true]);
    page.hidden = false;
    page.act();
    expect([opened.length, last().ended]).toEqual([2, false]);
  });
});
