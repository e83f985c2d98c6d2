// Asks the source for what the state needs, and keeps asking while a run is live.
import { Cache } from "../data/cache";
import type { Asked } from "../data/results";
import { hasPhi, isStructure } from "../data/results";
import type { Source } from "../data/source";
import type { CommandRequest, ComputeRequest, EpochRecord, NetworkSnapshot, PhiResult, RunInfo, Told, Unit } from "../data/types";
import { epochsOf } from "../scales/curve";
import { isIIT4 } from "../scales/formalism";
import type { Address } from "./address";
import { missing } from "./address";
import { analysesOf, placeOf } from "./analysis";
import type { AppState, Side } from "./app";
import { analysedName, epochOf, inFormalism, nearest, newSide, settle, settledFormalism, shownSide, stepEpoch } from "./app";
import type { Computation } from "./computation";
import { Following } from "./following";
import { Order } from "./order";
import type { Question } from "./questions";
import { PLAIN, recordOf, requestOf } from "./questions";
import type { Store } from "./store";

const RUNS_EVERY = 5;
/** So many runs make the band of all runs. */
export const MOST_SEEDS = 64;

export class Controller {
  private readonly records = new Cache<EpochRecord>(160);
  private readonly networks = new Cache<NetworkSnapshot>(60);
  private readonly runLists = new Order();
  private readonly shows = new Order();
  private readonly indexes = { a: new Order(), b: new Order() };
  private readonly loads = { a: new Order(), b: new Order() };
  private readonly answers = { a: new Order(), b: new Order() };
  private readonly scalars = { a: new Order(), b: new Order() };
  private readonly following: Following;
  private timer = 0;
  private rounds = 0;
  private stopped = false;
  private pollSeconds = 1;

  constructor(
    private readonly source: Source,
    private readonly store: Store<AppState>,
  ) {
    this.following = new Following(source, store, (full) => this.refresh(full));
  }

  get live(): boolean {
    return this.source.live;
  }

  /** Whether this page has what the server asks for with a command. */
  get mayCommand(): boolean {
    return this.source.mayCommand ?? false;
  }

  /** Sends a command to the training of the first run. */
  async command(asked: Omit<CommandRequest, "run">): Promise<Told> {
    const { a } = this.store.state;
    if (!a || !this.source.command) throw new Error("There is no training that could be told.");
    return this.source.command({ ...asked, run: a.run.id });
  }

  /** Shows what an address asks for, or else the newest run. */
  async start(wanted: Address | null = null): Promise<void> {
    await this.refreshRuns();
    if (wanted) await this.show(wanted);
    const first = this.store.state.runs[0];
    if (first && !this.store.state.a) await this.chooseRun("a", first.id);
    this.store.set({ loaded: true });
    if (!this.source.live) return;
    this.following.start();
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    this.following.stop();
    clearTimeout(this.timer);
  }

  /** Shows what an address asks for; what of it is not there is said, and the nearest is shown. */
  async show(address: Address): Promise<void> {
    if (address.run === null) return this.store.set({ tour: address.tour });
    const inTime = this.shows.ask();
    const { run, compare, against, side, formalism, layer, epoch, state, unit, camera, tour } = address;
    const { runs, a, b } = this.store.state;
    const known = (id: string | null) => runs.find((one) => one.id === id)?.id ?? null;
    const [first, second] = [known(run) ?? runs[0]?.id ?? null, known(compare)];
    const tab = address.tab === "compare" && second === null ? null : address.tab;
    const chosen = { wantedFormalism: formalism, wantedLayer: layer, epoch, follow: epoch === null, against, tab };
    this.change({ ...chosen, tour, layer: layer ?? this.store.state.layer });
    if (first !== null && first !== a?.run.id) await this.chooseRun("a", first);
    if (second !== (b?.run.id ?? null)) await this.chooseRun("b", second);
    if (!inTime()) return; // a person has gone on meanwhile
    const wanted = state && { state, computation: null };
    this.change({ ...chosen, wanted, unit, shown: second === null ? "a" : side });
    this.change(settledFormalism(this.store.state));
    this.change(settle({ ...this.store.state, layer: layer ?? this.store.state.layer }));
    this.store.set({ missing: missing(address, this.store.state) });
    await this.load();
    if (inTime()) this.store.set({ camera });
  }

  /** Picks a run for a side; for the second side null takes it away. */
  async chooseRun(which: "a" | "b", id: string | null): Promise<void> {
    const run = this.store.state.runs.find((known) => known.id === id);
    if (!run) {
      const tab = this.store.state.tab === "compare" ? null : this.store.state.tab;
      if (which === "b") this.change({ b: null, shown: "a", against: null, tab });
      return;
    }
    const { wantedLayer: layer } = this.store.state;
    const still = { step: 0, beat: null, playing: false };
    const afresh = { layer, wanted: null, unit: null, lit: null, ...still, camera: null, missing: "", zoom: null };
    this.change(which === "a" ? { a: newSide(run), ...afresh } : { b: newSide(run), lit: null, against: null });
    await this.refreshIndex(which, run);
    // A run beside itself is shown as it was before training.
    const first = epochsOf(this.store.state.b?.index)[0];
    if (which === "b" && id === this.store.state.a?.run.id && first !== undefined) await this.compareAt(first);
    if (this.store.state.metrics) await this.loadScalars();
  }

  /** Shows the second run at an epoch of its own, or with null at that of the first. */
  compareAt(epoch: number | null): Promise<void> {
    this.store.set({ against: epoch === null ? null : nearest(epochsOf(this.store.state.b?.index), epoch) });
    return this.load();
  }

  goTo(epoch: number): Promise<void> {
    const { a, b } = this.store.state;
    const epochs = epochsOf(a?.index, b?.index);
    const to = nearest(epochs, epoch);
    this.store.set({ epoch: to, follow: to === epochs[epochs.length - 1] && this.source.live });
    return this.load();
  }

  stepEpoch(by: number): void {
    const { a, b, epoch } = this.store.state;
    const to = stepEpoch(epochsOf(a?.index, b?.index), epoch, by);
    if (to !== null) void this.goTo(to);
  }

  chooseLayer(layer: string): void {
    this.store.set({ layer, wantedLayer: layer, wanted: null });
    void this.load();
  }

  /** Shows the numbers of another formalism everywhere, in this run and in those that follow. */
  chooseFormalism(wantedFormalism: string): void {
    this.change(settledFormalism({ ...this.store.state, wantedFormalism }));
    void this.load();
  }

  /** Chooses one of the states of the record that is shown, in this record and in those that follow. */
  chooseState(at: number): void {
    this.change({ wanted: analysesOf(this.store.state)[at] ?? null });
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

  /** Fetches the indexes of all runs for their band, or lets go of them; one that cannot be fetched is left out. */
  async showSeeds(isShown: boolean): Promise<void> {
    if (!isShown) return this.store.set({ seeds: null });
    const runs = this.store.state.runs.slice(0, MOST_SEEDS);
    const found = await Promise.allSettled(runs.map(({ id }) => this.source.index(id)));
    const seeds = found.flatMap((one, at) =>
      one.status === "fulfilled" ? [{ name: runs[at]?.name ?? "", index: one.value }] : [],
    );
    const before = this.store.state.seeds;
    if (before?.length !== seeds.length || seeds.some(({ index }, at) => index !== before[at]?.index)) this.store.set({ seeds });
  }

  /**
   * Computes Φ of the shown record in a state. A Φ becomes one of the states of that record, and is shown where the record still is.
   */
  async compute(state: readonly number[], engine: string, mostSeconds: number | null = null): Promise<PhiResult | null> {
    const side = shownSide(this.store.state);
    if (!side?.record) return null;
    const { layer, epoch } = side.record;
    const formalism = side.record.formalism as NonNullable<ComputeRequest["formalism"]>;
    const of = { run: side.run.id, layer, epoch, formalism, state: [...state] };
    const question = { ...of, ...PLAIN, engine, most_seconds: mostSeconds };
    const result = (await this.source.compute({ ...question, wanted: "phi" })) as PhiResult;
    if (hasPhi(result)) {
      const structure = isIIT4(formalism) ? await this.source.compute({ ...question, wanted: "structure" }) : null;
      const found = structure && isStructure(structure) ? structure : null;
      const why = structure && !found && "reason" in structure ? structure.reason : "";
      const computation = { ...of, result, structure: found, why };
      const still = shownSide(this.store.state)?.record === side.record;
      const computations = [...this.store.state.computations, computation];
      this.change({ computations, ...(still ? { wanted: { state, computation } } : {}) });
    }
    return result;
  }

  /** Φ or the best partitions of the shown record in a state, or of other units in it; or why there is no answer. */
  async ask(question: Question): Promise<Asked | null> {
    const side = shownSide(this.store.state);
    if (!side?.record) return null;
    const { layer, epoch, formalism } = side.record;
    return this.source.compute(requestOf({ run: side.run.id, layer, epoch, formalism, step: null }, question));
  }

  /**
   * Has the training of the first run analyse units as they are now; a record of that step comes of it, of which Φ or the best
   * partitions are asked. `heard` is told the training's answer, since the record of units that are counted comes later.
   */
  async askNow(question: Question, heard: (words: string) => void): Promise<Asked | string> {
    const { a } = this.store.state;
    if (!a?.record) return "";
    const { layer, formalism } = a.record;
    const state = question.state.join("");
    const command = { layer, units: [...(question.units ?? [])], state, formalism: formalism as CommandRequest["formalism"] };
    const told = await this.command({ verb: "analyse", epochs: null, to: null, watch: null, ...command });
    const row = await recordOf(this.store, told, heard);
    if (typeof row === "string") return row;
    return this.source.compute(requestOf({ ...row, run: a.run.id }, { ...question, units: null }));
  }

  /** The shown record as its file has it. */
  recordText(): Promise<string> {
    const side = shownSide(this.store.state);
    if (!side?.record) throw new Error("no record is shown.");
    return this.source.recordText(side.run.id, side.record.layer, side.record.epoch);
  }

  /** Takes away what was computed on request. */
  removeComputation(computation: Computation): void {
    this.change({ computations: this.store.state.computations.filter((known) => known !== computation) });
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = window.setTimeout(() => void this.poll(), this.pollSeconds * 1000);
  }

  private async poll(): Promise<void> {
    try {
      if (!document.hidden && !this.following.isTold) await this.refresh(++this.rounds % RUNS_EVERY === 0);
    } finally {
      this.schedule();
    }
  }

  private async refresh(isFull: boolean): Promise<void> {
    if (isFull || !this.store.state.runs.length) await this.refreshRuns();
    if (isFull && this.store.state.seeds) await this.showSeeds(true);
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
        canControl: list.control,
        canPush: list.push,
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
      this.store.set({ problem: "" });
      if (side.whole.index === index) return;
      const whole = { ...side.whole, index };
      const found = settledFormalism({ ...this.store.state, [which]: { ...side, whole } });
      this.change({ ...found, ...settle({ ...this.store.state, ...found }) });
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
    const { layer } = this.store.state;
    const epoch = epochOf(this.store.state, which);
    const side = this.store.state[which];
    if (!side?.index || epoch === null) return;
    const still = () => {
      const now = this.store.state;
      return now[which]?.run.id === side.run.id && now.layer === layer && epochOf(now, which) === epoch;
    };
    const inTime = this.loads[which].ask();
    const [record, network] = await Promise.all([this.recordOf(side, layer, epoch), this.networkOf(side, epoch)]);
    const current = this.store.state[which];
    if (!still() || !current || !inTime()) return;
    const whole = { ...current.whole, record: record.record };
    const now = { ...current, ...network, recordProblem: record.recordProblem, whole };
    this.change({ [which]: inFormalism(now, this.store.state.formalism) });
  }

  /** Changes the state, and which of the analysed states is shown with it. */
  private change(change: Partial<AppState>): void {
    const after = { ...this.store.state, ...change };
    this.store.set({ ...change, chosenState: placeOf(analysesOf(after), after.wanted) });
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
    if (!side?.whole.index?.rows.some((row) => [row, ...row.others].some((one) => one.phi_layer !== null))) return;
    const inTime = this.answers[which].ask();
    const found = await this.source.answers(side.run.id).catch(() => null);
    const current = this.store.state[which];
    if (found && current?.run.id === side.run.id && inTime()) {
      const whole = { ...current.whole, answers: found.answers };
      this.store.set({ [which]: inFormalism({ ...current, whole }, this.store.state.formalism) });
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
