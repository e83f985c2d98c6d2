import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Source } from "../src/data/source";
import type { EpochRecord, NetworkSnapshot, RunIndex, RunInfo } from "../src/data/types";
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
    return { layer, epoch, states: states?.map((state) => ({ state: [...state].map(Number) })) } as EpochRecord;
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
    return { answers: [{ layer: "x", epoch: -1, to: 1, words: `answer ${this.asked.length}` }] };
  }
  private answering(): void {
    if (this.away) throw new Error("no answer");
  }
  async compute(): Promise<never> {
    throw new Error("not here");
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

describe("the controller", () => {
  const rows = [row("x", 0), row("x", 1), row("act", 1, { phi: 0.01 })];
  let source: Memory;
  let store: Store<ReturnType<typeof firstState>>;
  let controller: Controller;
  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("document", { hidden: false });
    source = new Memory({ one: index(rows, [0, 1]), two: index([row("x", 5)]) });
    store = new Store(firstState("dark"));
    controller = new Controller(source, store);
    await controller.start();
  });
  afterEach(() => {
    controller.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
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
      expect(store.state.a?.answers).toEqual([{ layer: "x", epoch: -1, to: 1, words: expect.stringContaining("answer") }]);
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
    vi.useFakeTimers();
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("document", { hidden: false });
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
    vi.useRealTimers();
    vi.unstubAllGlobals();
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

describe("an answer that comes late", () => {
  let source: Slow;
  let store: Store<ReturnType<typeof firstState>>;
  let controller: Controller;
  const one = { ...run("one") };
  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("document", { hidden: true });
    source = new Slow({ one: index([row("x", 0)], [0]) });
    store = new Store(firstState("dark"));
    controller = new Controller(source, store);
    const started = controller.start();
    await vi.advanceTimersByTimeAsync(0);
    await source.all();
    await started;
  });
  afterEach(() => {
    controller.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
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
    vi.useFakeTimers();
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("document", { hidden: false });
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
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
});
