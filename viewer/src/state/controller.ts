// Asks the source for what the state needs, and keeps asking while a run is live.
import { Cache } from "../data/cache";
import type { Source } from "../data/source";
import type { ComputeRequest, EpochRecord, NetworkSnapshot, PhiResult, RunInfo, Unit } from "../data/types";
import { epochsOf } from "../scales/curve";
import type { AppState, Side } from "./app";
import { analysedName, nearest, newSide, settle, shownSide, stateIn, stepEpoch } from "./app";
import { Order } from "./order";
import type { Store } from "./store";

const RUNS_EVERY = 5;

export class Controller {
  private readonly records = new Cache<EpochRecord>(160);
  private readonly networks = new Cache<NetworkSnapshot>(60);
  private readonly runLists = new Order();
  private readonly indexes = { a: new Order(), b: new Order() };
  private readonly loads = { a: new Order(), b: new Order() };
  private readonly answers = { a: new Order(), b: new Order() };
  private readonly scalars = { a: new Order(), b: new Order() };
  private timer = 0;
  private rounds = 0;
  private stopped = false;
  private pollSeconds = 1;

  constructor(
    private readonly source: Source,
    private readonly store: Store<AppState>,
  ) {}

  get live(): boolean {
    return this.source.live;
  }

  async start(): Promise<void> {
    await this.refreshRuns();
    const first = this.store.state.runs[0];
    if (first && !this.store.state.a) await this.chooseRun("a", first.id);
    this.store.set({ loaded: true });
    if (this.source.live) this.schedule();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Picks a run for a side; for the second side null takes it away. */
  async chooseRun(which: "a" | "b", id: string | null): Promise<void> {
    const run = this.store.state.runs.find((known) => known.id === id);
    if (!run) {
      if (which === "b") this.change({ b: null, shown: "a" });
      return;
    }
    this.store.set(which === "a" ? { a: newSide(run), wantedState: null } : { b: newSide(run) });
    await this.refreshIndex(which, run);
    if (this.store.state.metrics) await this.loadScalars();
  }

  goTo(epoch: number): void {
    const { a, b } = this.store.state;
    const epochs = epochsOf(a?.index, b?.index);
    const to = nearest(epochs, epoch);
    this.store.set({ epoch: to, follow: to === epochs[epochs.length - 1] && this.source.live });
    void this.load();
  }

  stepEpoch(by: number): void {
    const { a, b, epoch } = this.store.state;
    const to = stepEpoch(epochsOf(a?.index, b?.index), epoch, by);
    if (to !== null) this.goTo(to);
  }

  chooseLayer(layer: string): void {
    this.store.set({ layer, wantedState: null });
    void this.load();
  }

  /** Chooses one of the analysed states of the record that is shown, in this record and in those that follow. */
  chooseState(at: number): void {
    this.change({ wantedState: shownSide(this.store.state)?.record?.states[at]?.state ?? null });
  }

  /** Shows the record of one side in the panels. */
  showSide(shown: "a" | "b"): void {
    this.change({ shown });
    void this.load();
  }

  follow(follow: boolean): void {
    this.store.set({ follow });
    if (follow) {
      this.store.set(settle(this.store.state));
      void this.load();
    }
  }

  /** Selects a neuron everywhere; one of an analysed layer brings that layer up. */
  chooseUnit(unit: Unit | null): void {
    this.store.set({ unit });
    if (!unit) return;
    const { a } = this.store.state;
    const layer = a?.network?.layers.find((known) => known.name === unit.layer);
    const name = layer?.analysed.includes(unit.index) ? analysedName(layer, a?.index ?? null) : null;
    if (name !== null && name !== this.store.state.layer) this.chooseLayer(name);
  }

  async showMetrics(metrics: boolean): Promise<void> {
    this.store.set({ metrics });
    if (metrics) await this.loadScalars();
  }

  compute(request: ComputeRequest): Promise<PhiResult> {
    return this.source.compute(request);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = window.setTimeout(() => void this.poll(), this.pollSeconds * 1000);
  }

  private async poll(): Promise<void> {
    try {
      if (!document.hidden) await this.refresh();
    } finally {
      this.schedule();
    }
  }

  private async refresh(): Promise<void> {
    this.rounds++;
    if (this.rounds % RUNS_EVERY === 0 || !this.store.state.runs.length) await this.refreshRuns();
    const { a, b, runs } = this.store.state;
    if (!a && runs[0]) await this.chooseRun("a", runs[0].id);
    if (a) await this.refreshIndex("a", a.run);
    if (b) await this.refreshIndex("b", b.run);
  }

  private async refreshRuns(): Promise<void> {
    const inTime = this.runLists.ask();
    try {
      const list = await this.source.runs();
      if (!inTime()) return;
      this.pollSeconds = list.poll_seconds || 1;
      const same = JSON.stringify(list.runs.map((run) => run.id)) === JSON.stringify(this.store.state.runs.map((run) => run.id));
      this.store.set({
        title: list.title,
        leftOut: list.left_out,
        canCompute: list.compute,
        problem: "",
        ...(same ? {} : { runs: list.runs }),
        ...(JSON.stringify(list.engines) === JSON.stringify(this.store.state.engines) ? {} : { engines: list.engines }),
      });
    } catch (error) {
      if (inTime()) this.store.set({ problem: words(error) });
    }
  }

  private async refreshIndex(which: "a" | "b", run: RunInfo): Promise<void> {
    const inTime = this.indexes[which].ask();
    try {
      const index = await this.source.index(run.id);
      const side = this.store.state[which];
      if (side?.run.id !== run.id || !inTime()) return;
      const settledChange = { ...this.store.state, [which]: { ...side, index } };
      this.store.set({ problem: "" });
      if (side.index === index) return;
      this.store.set({ [which]: { ...side, index }, ...settle(settledChange) });
      await Promise.all([this.load(), this.loadAnswers(which)]);
    } catch (error) {
      if (this.store.state[which]?.run.id === run.id && inTime()) this.store.set({ problem: words(error) });
    }
  }

  /** Fetches the record and the snapshots that are to be seen, unless they are there. */
  async load(): Promise<void> {
    await Promise.all([this.loadSide("a"), this.loadSide("b")]);
  }

  private async loadSide(which: "a" | "b"): Promise<void> {
    const { layer, epoch } = this.store.state;
    const side = this.store.state[which];
    if (!side?.index || epoch === null) return;
    const still = () => {
      const now = this.store.state;
      return now[which]?.run.id === side.run.id && now.layer === layer && now.epoch === epoch;
    };
    const inTime = this.loads[which].ask();
    const [record, network] = await Promise.all([this.recordOf(side, layer, epoch), this.networkOf(side, epoch)]);
    const current = this.store.state[which];
    if (!still() || !current || !inTime()) return;
    this.change({ [which]: { ...current, ...record, ...network } });
  }

  /** Changes the state, and which of the analysed states is shown with it. */
  private change(change: Partial<AppState>): void {
    const after = { ...this.store.state, ...change };
    this.store.set({ ...change, chosenState: stateIn(shownSide(after)?.record, after.wantedState) });
  }

  private async recordOf(side: Side, layer: string | null, epoch: number): Promise<Pick<Side, "record" | "recordProblem">> {
    const row = side.index?.rows.find((known) => known.layer === layer && known.epoch === epoch);
    if (!row || layer === null) return { record: null, recordProblem: "This run has no record of this layer at this epoch." };
    if (row.status === "corrupt") return { record: null, recordProblem: row.reason };
    try {
      const key = JSON.stringify([side.run.id, layer, epoch, row.version]);
      const record = await this.records.get(key, () => this.source.record(side.run.id, layer, epoch));
      return { record, recordProblem: "" };
    } catch (error) {
      return { record: null, recordProblem: words(error) };
    }
  }

  private async networkOf(side: Side, epoch: number): Promise<Pick<Side, "network" | "reference" | "networkProblem">> {
    const rows = side.index?.networks ?? [];
    const at = nearest(
      rows.map((row) => row.epoch),
      epoch,
    );
    const newest = rows.length ? (rows[rows.length - 1]?.epoch ?? null) : null;
    if (at === null || newest === null) {
      return { network: null, reference: null, networkProblem: "This run has no network snapshots." };
    }
    const get = (wanted: number) => {
      const version = rows.find((row) => row.epoch === wanted)?.version;
      return this.networks.get(JSON.stringify([side.run.id, wanted, version]), () => this.source.network(side.run.id, wanted));
    };
    try {
      const [network, reference] = await Promise.all([get(at), get(newest)]);
      return { network, reference, networkProblem: "" };
    } catch (error) {
      return { network: null, reference: null, networkProblem: words(error) };
    }
  }

  private async loadAnswers(which: "a" | "b"): Promise<void> {
    const side = this.store.state[which];
    if (!side?.index?.rows.some((row) => row.phi_layer !== null)) return;
    const inTime = this.answers[which].ask();
    const found = await this.source.answers(side.run.id).catch(() => null);
    const current = this.store.state[which];
    if (found && current?.run.id === side.run.id && inTime()) {
      this.store.set({ [which]: { ...current, answers: found.answers } });
    }
  }

  private async loadScalars(): Promise<void> {
    for (const which of ["a", "b"] as const) {
      const side = this.store.state[which];
      if (!side) continue;
      const inTime = this.scalars[which].ask();
      const scalars = await this.source.scalars(side.run.id).catch(() => ({ series: [] }));
      const current = this.store.state[which];
      if (current?.run.id === side.run.id && inTime()) this.store.set({ [which]: { ...current, scalars } });
    }
  }
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
