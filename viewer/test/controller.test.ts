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
  constructor(readonly indexes: Record<string, RunIndex>) {}

  async runs() {
    this.answers();
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
    this.answers();
    return this.indexes[id] as RunIndex;
  }
  async record(id: string, layer: string, epoch: number) {
    this.asked.push(`${id}/${layer}/${epoch}`);
    return { layer, epoch } as EpochRecord;
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
  private answers(): void {
    if (this.away) throw new Error("no answer");
  }
  async compute(): Promise<never> {
    throw new Error("not here");
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
  it("fetches the other metrics when they are asked for", async () => {
    expect(store.state.a?.scalars).toBeNull();
    await controller.showMetrics(true);
    expect(store.state.a?.scalars?.series[0]?.tag).toBe("loss");
  });
});
