import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Source } from "../src/data/source";
import type { ComputeRequest, EpochRecord, NetworkSnapshot, PhiResult, RunIndex, RunInfo } from "../src/data/types";
import { analysesOf, analysisOf } from "../src/state/analysis";
import { firstState } from "../src/state/app";
import { Controller } from "../src/state/controller";
import { Store } from "../src/state/store";
import { index, row } from "./rows";

const run = (id: string): RunInfo => ({ id, name: id, modified: 0, path: `/${id}`, tracking_uri: "" });

/** Runs in memory: what is put into `indexes` is what the next question finds. */
class Memory implements Source {
  readonly live = true;
  asked: string[] = [];
  away = false;
  engines = ["auto", "fast", "another"];
  /** The analysed states of the record of each epoch; those of epoch 0 where there are no others. */
  states: Record<number, string[]> = { 0: ["00", "10", "01"] };
  constructor(readonly indexes: Record<string, RunIndex>) {}

  async runs() {
    this.answering();
    return {
      title: "memory",
      runs: Object.keys(this.indexes).map(run),
      left_out: 0,
      compute: false,
      engines: [...this.engines],
      poll_seconds: 1,
    };
  }
  async index(id: string) {
    this.answering();
    return this.indexes[id] as RunIndex;
  }
  async record(id: string, layer: string, epoch: number) {
    this.asked.push(`${id}/${layer}/${epoch}`);
    const states = this.states[epoch] ?? this.states[0];
    const found = states?.map((state) => ({ state: [...state].map(Number), result: { status: "computed", phi: 0.1 } }));
    return { layer, epoch, formalism: "iit3", others: [], result: found?.[0]?.result, states: found } as unknown as EpochRecord;
  }
  async recordText(id: string, layer: string, epoch: number) {
    return JSON.stringify(await this.record(id, layer, epoch));
  }
  async network(_: string, epoch: number) {
    return {
      epoch,
      layers: [
        { name: "x", aliases: [], analysed: [4] },
        { name: "y", aliases: ["act"], analysed: [2] },
      ],
    } as unknown as NetworkSnapshot;
  }
  async scalars() {
    return { series: [{ tag: "loss", points: [[0, 1]] as [number, number][] }] };
  }
  async answers(id: string) {
    this.asked.push(`${id}/answers`);
    return { answers: [{ layer: "x", epoch: -1, to: 1, formalism: "iit3", words: `answer ${this.asked.length}` }] };
  }
  private answering(): void {
    if (this.away) throw new Error("no answer");
  }
  async compute({ state }: ComputeRequest): Promise<PhiResult> {
    if (state[0] === 9) throw new Error("not here");
    return { status: state[0] === 8 ? "skipped" : "computed", phi: 0.5 } as PhiResult;
  }
}

/** The same, but each answer comes when it is let go; the questions are listed in their order. */
class Slow extends Memory {
  readonly held: { what: string; go: () => void; fail: () => void }[] = [];

  override index(id: string) {
    return this.hold("index", super.index(id));
  }
  override record(id: string, layer: string, epoch: number) {
    return this.hold(`record ${epoch}`, super.record(id, layer, epoch));
  }
  override network(id: string, epoch: number) {
    return this.hold(`network ${epoch}`, super.network(id, epoch));
  }
  override scalars() {
    return this.hold("scalars", super.scalars());
  }
  override compute(request: ComputeRequest) {
    return this.hold(`compute ${request.epoch}`, super.compute(request));
  }
  private hold<T>(what: string, answer: Promise<T>): Promise<T> {
    return new Promise((go, fail) => this.held.push({ what, go: () => go(answer), fail: () => fail(new Error("too late")) }));
  }
  /** Takes the held question of this name that was asked first. */
  take(what: string) {
    const at = this.held.findIndex((question) => question.what === what);
    expect(at, `${what} among ${this.held.map((question) => question.what)}`).toBeGreaterThanOrEqual(0);
    return this.held.splice(at, 1)[0] as Slow["held"][number];
  }
  /** Lets go of all that is asked, and of what is asked then. */
  async all() {
    do {
      for (const question of this.held.splice(0)) question.go();
      await vi.advanceTimersByTimeAsync(0);
    } while (this.held.length);
  }
}

/** Puts timers that a test moves, and a page that is or isn't looked at, in the place of the real ones. */
function fakePage(document: { hidden: boolean }) {
  vi.useFakeTimers();
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("document", document);
}

function realPage() {
  vi.useRealTimers();
  vi.unstubAllGlobals();
}

/** A controller that was started, after its source answered all it asked. */
async function startedWith(source: Slow, store: ConstructorParameters<typeof Controller>[1]) {
  const controller = new Controller(source, store);
  const started = controller.start();
  await vi.advanceTimersByTimeAsync(0);
  await source.all();
  await started;
  return controller;
}

describe("the controller", () => {
  const rows = [row("x", 0), row("x", 1), row("act", 1, { phi: 0.01 })];
  let source: Memory;
  let store: Store<ReturnType<typeof firstState>>;
  let controller: Controller;
  beforeEach(async () => {
    fakePage({ hidden: false });
    source = new Memory({ one: index(rows, [0, 1]), two: index([row("x", 5)]) });
    store = new Store(firstState("dark"));
    controller = new Controller(source, store);
    await controller.start();
  });
  afterEach(() => {
    controller.stop();
    realPage();
  });
  const round = () => vi.advanceTimersByTimeAsync(1_000);

  it("begins with the first run, its newest epoch and the snapshot of that", () => {
    const { a, epoch, layer, loaded } = store.state;
    expect([a?.run.id, epoch, layer, loaded]).toEqual(["one", 1, "x", true]);
    expect([a?.record?.epoch, a?.network?.epoch, a?.reference?.epoch]).toEqual([1, 1, 1]);
  });
  it("shows a new epoch by itself while following, and stays where the person is otherwise", async () => {
    source.indexes.one = index([...rows, row("x", 2)], [0, 1]);
    await round();
    expect([store.state.epoch, store.state.a?.record?.epoch]).toEqual([2, 2]);
    controller.goTo(0);
    source.indexes.one = index([...rows, row("x", 2), row("x", 3)], [0, 1]);
    await round();
    expect([store.state.epoch, store.state.follow]).toEqual([0, false]);
    controller.follow(true);
    await round();
    expect(store.state.a?.record?.epoch).toBe(3);
  });
  it("asks for a record once, and again when its version changes", async () => {
    const before = source.asked.length;
    controller.goTo(0);
    await round();
    controller.goTo(1);
    await round();
    expect(source.asked.slice(before)).toEqual(["one/x/0"]);
    source.indexes.one = index([row("x", 0), row("x", 1, { version: "other" })], [0, 1]);
    await round();
    expect(source.asked.at(-1)).toBe("one/x/1");
  });
  it("says when the server is away and goes on when it is back", async () => {
    source.away = true;
    for (let i = 0; i < 5; i++) await round();
    expect(store.state.problem).toBe("no answer");
    source.away = false;
    for (let i = 0; i < 5; i++) await round();
    expect(store.state.problem).toBe("");
  });
  it("knows the engines that the source names, and tells of them only when they change", async () => {
    const told = vi.fn();
    store.on(["engines"], told);
    for (let i = 0; i < 5; i++) await round();
    expect([store.state.engines, told.mock.calls.length]).toEqual([["auto", "fast", "another"], 1]);
    source.engines = ["auto"];
    for (let i = 0; i < 5; i++) await round();
    expect([store.state.engines, told.mock.calls.length]).toEqual([["auto"], 2]);
  });
  it("sets a second run beside the first and takes it away", async () => {
    await controller.chooseRun("b", "two");
    controller.goTo(5);
    await round();
    expect([store.state.b?.record?.epoch, store.state.a?.recordProblem]).toEqual([
      5,
      "This run has no record of this layer at this epoch.",
    ]);
    await controller.chooseRun("b", null);
    expect(store.state.b).toBeNull();
  });
  const address = { run: "two", compare: "one", against: 0, side: "b", formalism: null, layer: "x", epoch: 5 } as const;
  const nothing = { state: null, unit: null, tab: null, camera: null };

  it("shows what an address asks for", async () => {
    const camera = { position: [1, 2, 3], target: [0, 0, 0] } as {
      position: [number, number, number];
      target: [number, number, number];
    };
    await controller.show({ ...address, state: [1, 0], unit: { layer: "x", index: 4 }, tab: "tpm", camera });
    const { a, b, shown, follow, wanted, unit, tab, missing } = store.state;
    expect([a?.run.id, a?.record?.epoch, b?.run.id, b?.record?.epoch]).toEqual(["two", 5, "one", 0]);
    expect({ shown, follow, state: wanted?.state, unit, tab, camera: store.state.camera, missing }).toEqual({
      shown: "b",
      follow: false,
      state: [1, 0],
      unit: { layer: "x", index: 4 },
      tab: "tpm",
      camera,
      missing: "",
    });
  });

  it("says what of an address is not there, and shows the nearest", async () => {
    await controller.show({ ...address, ...nothing, run: "gone", compare: null, side: "a", layer: "z", epoch: 9, tab: "compare" });
    expect(store.state.tab).toBeNull(); // it needs a second run
    expect(store.state.missing).toMatch(/not here: gone, z, epoch 9\.$/);
    expect([store.state.a?.run.id, store.state.epoch]).toEqual(["one", 1]);
    await controller.chooseRun("a", "two");
    expect(store.state.missing).toBe("");
  });

  it("lets the epoch of the second run stand while that of the first moves", async () => {
    await controller.chooseRun("b", "one");
    expect([store.state.against, store.state.b?.record?.epoch]).toEqual([0, 0]);
    await controller.compareAt(1);
    await controller.goTo(0);
    expect([store.state.a?.record?.epoch, store.state.b?.record?.epoch]).toEqual([0, 1]);
    await controller.compareAt(null);
    expect(store.state.b?.record?.epoch).toBe(0);
  });

  it("has the indexes of all runs while their band is shown, and their news", async () => {
    await controller.showSeeds(true);
    expect(store.state.seeds?.map(({ name }) => name)).toEqual(["one", "two"]);
    const news = index([row("x", 5), row("x", 6)]);
    source.indexes.two = news;
    for (let at = 0; at < 6; at++) await round();
    expect(store.state.seeds?.[1]?.index).toBe(news);
    await controller.showSeeds(false);
    expect(store.state.seeds).toBeNull();
  });

  it("says of a corrupt record what is wrong with it and does not ask for it", async () => {
    source.indexes.one = index([...rows, row("x", 4, { status: "corrupt", reason: "cut off" })], [0]);
    await round();
    expect([store.state.epoch, store.state.a?.record, store.state.a?.recordProblem]).toEqual([4, null, "cut off"]);
    expect(source.asked).not.toContain("one/x/4");
  });
  it("brings up the layer of a chosen unit that is analysed", async () => {
    controller.chooseUnit({ layer: "y", index: 2 });
    expect([store.state.layer, store.state.unit]).toEqual(["act", { layer: "y", index: 2 }]);
    controller.chooseUnit({ layer: "x", index: 0 });
    expect(store.state.layer).toBe("act");
  });
  it("asks whether training changed Φ when an epoch with a survey comes, and not before", async () => {
    await round();
    expect(source.asked.filter((what) => what.endsWith("/answers"))).toEqual([]);
    for (const epoch of [4, 5]) {
      source.indexes.one = index([...(source.indexes.one as RunIndex).rows, row("x", epoch, { phi_layer: 0.1 })], [0]);
      await round();
      await round();
      expect(source.asked.filter((what) => what === "one/answers").length).toBe(epoch - 3);
      expect(store.state.a?.answers).toEqual([
        { layer: "x", epoch: -1, to: 1, formalism: "iit3", words: expect.stringContaining("answer") },
      ]);
    }
  });
  it("fetches the other metrics when they are asked for", async () => {
    expect(store.state.a?.scalars).toBeNull();
    await controller.showMetrics(true);
    expect(store.state.a?.scalars?.series[0]?.tag).toBe("loss");
  });
});

describe("the state that a person chose", () => {
  let source: Memory;
  let store: Store<ReturnType<typeof firstState>>;
  let controller: Controller;
  beforeEach(async () => {
    fakePage({ hidden: false });
    source = new Memory({ one: index([row("x", 0), row("y", 0)]) });
    source.states = { 0: ["00", "10", "01"], 1: ["01", "11", "00", "10"], 2: ["00", "11"], 4: [] };
    store = new Store(firstState("dark"));
    controller = new Controller(source, store);
    await controller.start();
    controller.chooseLayer("x");
    await vi.advanceTimersByTimeAsync(0);
  });
  afterEach(() => {
    controller.stop();
    realPage();
  });
  const comes = async (epoch: number) => {
    source.indexes.one = index([...(source.indexes.one?.rows ?? []), row("x", epoch)]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.state.a?.record?.epoch).toBe(epoch);
  };

  it("stays through new epochs, wherever it stands in them", async () => {
    controller.chooseState(1);
    await comes(1);
    expect(store.state.chosenState).toBe(3);
    controller.goTo(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(store.state.chosenState).toBe(1);
  });
  it("gives way to the first where a record has no such state, and comes back", async () => {
    controller.chooseState(1);
    for (const [epoch, shown] of [
      [2, 0],
      [3, 1],
      [4, 0],
    ] as const) {
      await comes(epoch);
      expect(store.state.chosenState).toBe(shown);
    }
  });
  it("is of one layer", async () => {
    controller.chooseState(1);
    controller.chooseLayer("y");
    await vi.advanceTimersByTimeAsync(0);
    expect([store.state.a?.record?.layer, store.state.chosenState]).toEqual(["y", 0]);
  });
});

describe("what is computed on request", () => {
  let source: Slow;
  let store: Store<ReturnType<typeof firstState>>;
  let controller: Controller;
  beforeEach(async () => {
    fakePage({ hidden: true });
    source = new Slow({ one: index([row("x", 0), row("x", 1)]), two: index([row("x", 1)]) });
    source.states = { 0: ["00", "10"], 1: ["01", "11"] };
    store = new Store(firstState("dark"));
    controller = await startedWith(source, store);
  });
  afterEach(() => {
    controller.stop();
    realPage();
  });
  const go = async (epoch: number) => {
    controller.goTo(epoch);
    await source.all();
    await vi.advanceTimersByTimeAsync(0);
  };
  const states = () => analysesOf(store.state).map(({ state }) => state.join(""));
  const shown = () => [analysisOf(store.state)?.state.join(""), analysisOf(store.state)?.computation !== null];

  it("is a state of its record and shown, and goes when it is removed", async () => {
    const answer = controller.compute([1, 0], "auto");
    await source.all();
    expect((await answer)?.status).toBe("computed");
    expect([states(), shown()]).toEqual([
      ["01", "11", "10"],
      ["10", true],
    ]);
    await go(0);
    expect([states(), shown()]).toEqual([
      ["00", "10"],
      ["10", false],
    ]);
    await go(1);
    expect(shown()).toEqual(["10", true]);
    controller.chooseState(0);
    expect(shown()).toEqual(["01", false]);
    const [computation] = store.state.computations;
    if (computation) controller.removeComputation(computation);
    expect(states()).toEqual(["01", "11"]);
  });
  it("belongs to the epoch and the run that it was asked of, wherever the person is by then", async () => {
    void controller.compute([1, 0], "auto");
    const late = source.take("compute 1");
    await go(0);
    controller.chooseState(1);
    late.go();
    await vi.advanceTimersByTimeAsync(0);
    expect([states(), shown()]).toEqual([
      ["00", "10"],
      ["10", false],
    ]);
    await go(1);
    expect(states()).toEqual(["01", "11", "10"]);
    void controller.chooseRun("a", "two");
    await vi.advanceTimersByTimeAsync(0);
    await source.all();
    expect([store.state.a?.run.id, states()]).toEqual(["two", ["01", "11"]]);
  });
  it("is none where there is no Φ", async () => {
    const skipped = controller.compute([8, 0], "auto");
    await source.all();
    expect((await skipped)?.status).toBe("skipped");
    const failed = expect(controller.compute([9, 0], "auto")).rejects.toThrow("not here");
    await source.all();
    await failed;
    expect(states()).toEqual(["01", "11"]);
  });
});

describe("another run", () => {
  it("begins afresh, but for the layer and the epoch that a person chose", async () => {
    fakePage({ hidden: false });
    const both = [row("small", 0, { phi: 0.1 }), row("large", 0, { phi: 0.2 })];
    const other = [row("small", 0, { phi: 0.2 }), row("large", 0, { phi: 0.1 })];
    const source = new Memory({ one: index(both, [0]), two: index(other) });
    const store = new Store(firstState("dark"));
    const controller = new Controller(source, store);
    await controller.start();
    store.set({ unit: { layer: "x", index: 1 }, lit: { mechanism: [0], cause: [], effect: [] }, step: 3, playing: true });
    controller.chooseState(1);
    const chosen = controller.chooseRun("a", "two");
    const { layer, a, unit, lit, step, playing, chosenState } = store.state;
    expect([layer, a?.record, a?.network, unit, lit, step, playing, chosenState]).toEqual([
      null,
      null,
      null,
      null,
      null,
      0,
      false,
      0,
    ]);
    await chosen;
    expect(store.state.layer).toBe("small");
    controller.chooseLayer("large");
    await controller.chooseRun("a", "one");
    controller.chooseLayer("small");
    await controller.chooseRun("a", "two");
    await controller.chooseRun("a", "one");
    expect(store.state.layer).toBe("small");
    controller.stop();
    realPage();
  });
});

describe("an answer that comes late", () => {
  let source: Slow;
  let store: Store<ReturnType<typeof firstState>>;
  let controller: Controller;
  const one = { ...run("one") };
  beforeEach(async () => {
    fakePage({ hidden: true });
    source = new Slow({ one: index([row("x", 0)], [0]) });
    store = new Store(firstState("dark"));
    controller = await startedWith(source, store);
  });
  afterEach(() => {
    controller.stop();
    realPage();
  });
  const settled = () => vi.advanceTimersByTimeAsync(0);

  it("is not taken for the newer index, nor its failure for a problem", async () => {
    void controller.chooseRun("a", "one");
    source.indexes.one = index([row("x", 0), row("x", 1)], [0]);
    void controller.chooseRun("a", "one");
    source.indexes.one = index([row("x", 0), row("x", 1), row("x", 2)], [0]);
    void controller.chooseRun("a", "one");
    const [first, second, third] = [source.take("index"), source.take("index"), source.take("index")];
    third.go();
    await settled();
    await source.all();
    first.fail();
    second.go();
    await settled();
    await source.all();
    expect([store.state.a?.index?.rows.length, store.state.epoch, store.state.problem]).toEqual([3, 2, ""]);
  });
  it("is taken where nothing newer has come yet", async () => {
    void controller.chooseRun("a", "one");
    void controller.chooseRun("a", "one");
    source.take("index").go();
    await settled();
    expect(store.state.a?.index?.rows.length).toBe(1);
  });
  it("is not taken for the newer record and network of the same epoch", async () => {
    const replaced = (version: string) => {
      source.states = { 0: [version === "old" ? "00" : "11"] };
      source.indexes.one = { ...index([row("x", 0, { version })]), networks: [{ epoch: 0, version }] };
      void controller.chooseRun("a", "one");
      source.take("index").go();
      return settled();
    };
    await replaced("old");
    await replaced("new");
    const old = [source.take("record 0"), source.take("network 0")];
    for (const what of ["record 0", "network 0"]) source.take(what).go();
    await settled();
    const { record, network } = store.state.a ?? {};
    expect(record?.states[0]?.state).toEqual([1, 1]);
    for (const question of old) question.go();
    await settled();
    expect(store.state.a?.record).toBe(record);
    expect(store.state.a?.network).toBe(network);
  });
  it("is not taken for the newer metrics", async () => {
    void controller.showMetrics(true);
    void controller.showMetrics(true);
    const [older, newer] = [source.take("scalars"), source.take("scalars")];
    newer.go();
    await settled();
    const known = store.state.a?.scalars;
    expect(known?.series.length).toBe(1);
    older.fail();
    await settled();
    expect(store.state.a?.scalars).toBe(known);
  });
  it("leaves no trace where the run is another one by then", async () => {
    source.indexes.two = index([row("x", 7)]);
    vi.stubGlobal("document", { hidden: false });
    void controller.chooseRun("a", "one");
    const late = source.take("index");
    store.set({ runs: [one, run("two")] });
    void controller.chooseRun("a", "two");
    source.take("index").go();
    await settled();
    await source.all();
    late.fail();
    await settled();
    expect([store.state.a?.run.id, store.state.epoch, store.state.problem]).toEqual(["two", 7, ""]);
  });
});

describe("a part of the page that fails", () => {
  it("ends neither the polling nor what the others show, and is reported once", async () => {
    fakePage({ hidden: false });
    const reported = vi.spyOn(console, "error").mockImplementation(() => {});
    const source = new Memory({ one: index([row("x", 0)]) });
    const store = new Store(firstState("dark"));
    const controller = new Controller(source, store);
    store.on(["a", "epoch", "problem"], () => {
      throw new Error("this panel fails");
    });
    const seen: (number | null)[] = [];
    store.on(["epoch"], ({ epoch }) => seen.push(epoch));
    await controller.start();
    for (let epoch = 1; epoch < 4; epoch++) {
      source.indexes.one = index([row("x", epoch)]);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    controller.stop();
    expect(seen).toEqual([null, 0, 1, 2, 3]);
    expect(store.state.problem).toBe("");
    expect(reported).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
    realPage();
  });
});
