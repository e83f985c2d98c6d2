import { describe, expect, it } from "vitest";
import type { EpochRecord, IndexRow, PhiResult, SystemPhi } from "../src/data/types";
import { partitionOf } from "../src/layout/parts";
import { placeRelations } from "../src/layout/relations";
import { commandLine } from "../src/parts/commandLine";
import { kindOf } from "../src/parts/names";
import { backgroundWords, nothingLost, severedLetters } from "../src/parts/partitionWords";
import { curves, epochsOf } from "../src/scales/curve";
import { formalismsOf, indexOf, recordOf, shownFormalism, symbolOf } from "../src/scales/formalism";
import { phiText } from "../src/scales/format";
import { shareText } from "../src/scales/iit4";
import { overviewOf } from "../src/scales/overview";
import { strongestRelations } from "../src/scales/relations";
import { isTied, tiesWords } from "../src/scales/ties";
import type { Side } from "../src/state/app";
import { firstState, inFormalism, newSide } from "../src/state/app";
import { structureOf } from "../src/state/structure";
import { index, row } from "./rows";

const RUN = { id: "r", name: "r", modified: 0, path: "/r", tracking_uri: "" };
const IIT4 = "iit4-2023";
const system = (change: Partial<SystemPhi> = {}): SystemPhi => ({
  status: "computed_iit4",
  formalism: IIT4,
  nodes: [0, 1, 2],
  phi: 0.02,
  signed_phi: 0.02,
  normalized_phi: 0.005,
  ii: 0.3,
  cause: { state: [0, 1, 0], intrinsic_information: 0.4, phi: 0.03, signed_phi: 0.03, ties: [[0, 1, 0]] },
  effect: { state: [1, 1, 0], intrinsic_information: 0.3, phi: 0.02, signed_phi: 0.02, ties: [[1, 1, 0]] },
  partition: [
    [0, 1],
    [2, 1],
  ],
  margin: 0.1,
  ties: 0,
  partitions: 9,
  reason: "",
  engine: { name: "fast", version: "1" },
  seconds: 0,
  ...change,
});
const other = (formalism: string, change: Partial<IndexRow["others"][number]> = {}): IndexRow["others"][number] => {
  const { status, reason, engine, phi, mean, maximum, null_upper, phi_layer, low, high, groups, share, signed } = row("x", 0);
  const numbers = { status, reason, engine, phi, mean, maximum, null_upper, phi_layer, low, high, groups, share, signed };
  return { ...numbers, formalism, ...change };
};
const iit4 = (share: number, signed: number, phi: number) => other(IIT4, { phi_layer: phi, low: 0, high: 2 * phi, share, signed });
const whole = index([
  row("x", 0, { phi_layer: 0.5, null_upper: 0.1, others: [iit4(0.02, -0.3, 0.001)] }),
  row("x", 1, { phi_layer: 0.6, others: [iit4(0.5, -0.1, 0.002)] }),
  row("x", 2, { status: "open", phi: null, reason: "waits" }),
]);

describe("an index of several formalisms", () => {
  it("names them, 3.0 first, and the one that is shown", () => {
    expect(formalismsOf(index([row("x", 0, { formalism: IIT4, others: [other("iit3"), other("iit4-2026")] })]))).toEqual([
      "iit3",
      IIT4,
      "iit4-2026",
    ]);
    expect(formalismsOf(index([row("x", 0, { formalism: "", status: "corrupt" })]))).toEqual([]);
    expect([IIT4, "iit4-2026", null].map((wanted) => shownFormalism(whole, wanted))).toEqual([IIT4, "iit3", "iit3"]);
    expect(shownFormalism(null, IIT4)).toBe("iit3");
    expect(["iit3", IIT4, "iit4-2026"].map(symbolOf)).toEqual(["Φ", "φ_s", "φ_s"]);
  });
  it("has of one formalism its numbers and nothing of the other, and all epochs that are waited for", () => {
    const found = indexOf(whole, IIT4);
    expect(found.rows.map((one) => [one.formalism, one.status, one.phi_layer, one.share, one.null_upper])).toEqual([
      [IIT4, "computed", 0.001, 0.02, null],
      [IIT4, "computed", 0.002, 0.5, null],
      [IIT4, "open", null, null, null],
    ]);
    expect(found.rows.every((one) => one.others.length === 0)).toBe(true);
    expect(indexOf(whole, IIT4)).toBe(found);
    expect(indexOf(whole, "iit3").rows.map((one) => one.phi_layer)).toEqual([0.5, 0.6, null]);
    expect(indexOf(whole, "iit4-2026").rows).toEqual([]);
  });
  it("is three curves of IIT 4.0, of which only that of the mean has an interval", () => {
    const of = (measure: "phi" | "share" | "signed") => curves(indexOf(whole, IIT4), epochsOf(whole), measure)[0];
    expect(of("share")?.line).toEqual([0.02, 0.5, null]);
    expect(of("signed")?.line).toEqual([-0.3, -0.1, null]);
    expect([of("phi")?.line, of("phi")?.high]).toEqual([
      [0.001, 0.002, null],
      [0.002, 0.004, null],
    ]);
    expect([of("share")?.high, of("signed")?.low]).toEqual([
      [null, null, null],
      [null, null, null],
    ]);
    expect(of("share")?.gaps.map(({ epoch }) => epoch)).toEqual([2]);
    const [group] = overviewOf(indexOf(whole, IIT4), "", IIT4);
    expect([group?.words, group?.most]).toEqual(["Share of the visits with φ_s > 0, causal", 0.5]);
  });
});

const record = {
  layer: "x",
  epoch: 0,
  formalism: "iit3",
  result: { status: "computed", phi: 0.5 } as PhiResult,
  states: [{ state: [0, 1, 1], visits: 3, result: { status: "computed", phi: 0.5 } }],
  scalars: { phi: 0.5 },
  survey: { phi: 0.5, groups: [{ counts: { on: [], visits: [], joint: [] } }] },
  structure: null,
  major_complex: { nodes: [0, 1], result: system(), others: [] },
  null: { name: "cut" },
  interval: { low: 0, high: 1 },
  curve: [{}],
  sensitivity: [{}],
  groups: [],
  moments: {},
  notes: ["one"],
  others: [
    {
      formalism: IIT4,
      result: system(),
      states: [{ state: [0, 1, 1], visits: 3, result: system() }],
      scalars: { phi: 0.02 },
      survey: { phi: 0.001, groups: [{ counts: null }] },
      structure: { distinctions: [], relations: 0, reason: "" },
      major_complex: null,
      notes: ["two"],
    },
  ],
} as unknown as EpochRecord;

describe("the record of one formalism", () => {
  it("has its numbers, and what is of the first formalism only is gone", () => {
    const found = recordOf(record, IIT4);
    expect(found?.result).toBe(record.others[0]?.result);
    expect([found?.formalism, found?.survey?.phi, found?.notes]).toEqual([IIT4, 0.001, ["one", "two"]]);
    expect([found?.null, found?.interval, found?.curve, found?.sensitivity, found?.moments, found?.major_complex]).toEqual([
      null,
      null,
      [],
      [],
      null,
      null,
    ]);
    expect(found?.survey?.groups[0]?.counts).toEqual({ on: [], visits: [], joint: [] });
    expect(recordOf(record, IIT4)).toBe(found);
    expect(recordOf(record, "iit3")).toEqual({ ...record, others: [] });
    expect(recordOf(record, "iit4-2026")).toBeNull();
  });
  it("of an analysis that has not ended is the same with its reason", () => {
    const open = { ...record, result: { status: "open", reason: "waits" }, survey: null, others: [] } as unknown as EpochRecord;
    expect(recordOf(open, IIT4)?.result).toEqual({ status: "open", reason: "waits" });
  });
  it("makes a side of one formalism, with its answer; a run that lacks it says so", () => {
    const answers = ["iit3", IIT4].map((formalism) => ({ layer: "x", epoch: 0, to: 1, formalism, words: formalism }));
    const side: Side = { ...newSide(RUN), whole: { index: whole, record, answers } };
    const shown = inFormalism(side, IIT4);
    expect([shown.record?.formalism, shown.index?.rows[0]?.formalism, shown.answers.map(({ words }) => words)]).toEqual([
      IIT4,
      IIT4,
      [IIT4],
    ]);
    const lacking = inFormalism(side, "iit4-2026");
    expect([lacking.record, lacking.recordProblem]).toEqual([null, "This run has no φ_s of IIT 4.0 (2026)."]);
  });
  it("has its structure beside its first state only", () => {
    const a = inFormalism({ ...newSide(RUN), whole: { index: whole, record: { ...record }, answers: [] } }, IIT4);
    const state = { ...firstState("light"), a, formalism: IIT4 };
    expect(structureOf(state)?.structure).toBe(record.others[0]?.structure);
    expect(structureOf({ ...state, a: inFormalism(a, "iit3") })).toBeNull();
    const states = [...(a.record?.states ?? []), { state: [1, 1, 1], visits: 1, result: system() }];
    const two = { ...a, record: { ...a.record, states } as EpochRecord };
    expect(structureOf({ ...state, a: two, chosenState: 1 })).toEqual({
      structure: null,
      reason: "The record holds the structure of state 011 only: choose that state.",
    });
  });
});

describe("a partition", () => {
  const nodes = (result: PhiResult, n: number) => partitionOf(result, n).parts.map((part) => [part.nodes, part.name]);
  it("of IIT 4.0 has its parts, with the background last and its severed connections directed", () => {
    const found = system({
      nodes: [0, 1, 3],
      partition: [
        [0, 1],
        [3, 0],
        [1, 3],
      ],
    });
    expect(nodes(found, 5)).toEqual([
      [[0], ""],
      [[1], ""],
      [[3], ""],
      [[2, 4], "background"],
    ]);
    const { severed } = partitionOf(found, 5);
    expect([severed(0, 1), severed(1, 0), severed(3, 0), severed(2, 0)]).toEqual([true, false, true, false]);
    expect(nodes(system(), 3)).toEqual([
      [[0, 2], "from"],
      [[1], "to"],
    ]);
    expect(nodes(system({ partition: [] }), 3)).toEqual([]);
  });
  it("of IIT 4.0 says what is severed between a part and the others: from it, to it, or both", () => {
    const of = (partition: [number, number][], nodes = [0, 1, 2]) => partitionOf(system({ nodes, partition }), nodes.length);
    const names = (partition: [number, number][]) => of(partition).parts.map(({ nodes, name }) => [nodes.join(), name]);
    const oneWay: [number, number][] = [
      [0, 2],
      [1, 2],
    ];
    const both: [number, number][] = [...oneWay, [2, 0], [2, 1]];
    expect(names(oneWay)).toEqual([
      ["0,1", "from"],
      ["2", "to"],
    ]);
    expect(
      names([
        [2, 0],
        [2, 1],
      ] as [number, number][]),
    ).toEqual([
      ["2", "from"],
      ["0,1", "to"],
    ]);
    expect(names(both).map(([, name]) => name)).toEqual(["", ""]); // both ways: the parts are not told apart
    expect(names([...oneWay, [0, 1], [1, 0], [2, 0]])).toEqual([
      ["0", "from and to"],
      ["1", "from"],
      ["2", "to"],
    ]);
    expect(severedLetters(oneWay)).toBe("from A B to C");
    expect(severedLetters(both, (unit) => String(unit + 5))).toBe("from 5 6 to 7, from 7 to 5 6");
    const many = Array.from({ length: 10 }, (_, at): [number, number] => [at, at + 1]);
    expect(severedLetters(many)).toMatch(/^from A to B, from B to C,.* and 2 more$/);
  });
  it("of IIT 3.0 has a direction, and other units are background", () => {
    const cut = { status: "computed", phi: 1, cut: { from_nodes: [0], to_nodes: [2] } } as unknown as PhiResult;
    expect(nodes(cut, 3)).toEqual([
      [[0], "from"],
      [[2], "to"],
      [[1], "background"],
    ]);
    expect(nodes({ status: "open", reason: "" }, 3)).toEqual([]);
  });
  it("says its margin or its ties, which matter where φ_s is above 0", () => {
    expect([isTied(system()), tiesWords(system())]).toEqual([
      false,
      "Normalised φ_s of the second-best partition is larger by 0.1.",
    ]);
    expect([isTied(system({ ties: 2 })), isTied(system({ ties: 2, phi: 0 }))]).toEqual([true, false]);
    expect(tiesWords(system({ ties: 2 }))).toBe("2 other partitions have the same normalised φ_s.");
  });
});

describe("relations", () => {
  const purview = (nodes: number[], state: number[]) => ({ nodes, state, phi: 1 });
  // The same as in the docstring of Structure.relations_among: two units that copy each other.
  const swap = [
    { mechanism: [0], phi: 1, cause: purview([1], [0]), effect: purview([1], [0]) },
    { mechanism: [1], phi: 1, cause: purview([0], [1]), effect: purview([0], [1]) },
  ];
  it("of a distinction whose cause and effect overlap are of it alone", () => {
    expect(strongestRelations(swap, 12)).toEqual([
      { phi: 1, members: [0], nodes: [1], state: [0] },
      { phi: 1, members: [1], nodes: [0], state: [1] },
    ]);
  });
  it("come in order of φ_r, as many as were asked for, and bind what all have in the same state", () => {
    const three = [
      { mechanism: [0], phi: 0.75, cause: purview([0, 1], [1, 0]), effect: purview([2], [1]) },
      { mechanism: [1], phi: 0.2, cause: purview([1], [0]), effect: purview([2], [1]) },
      { mechanism: [2], phi: 0.9, cause: purview([1], [1]), effect: purview([2], [1]) },
    ];
    const all = strongestRelations(three, 100);
    // 0 and 1 have B = 0 and C = 1 in common, the others C = 1 only; the shares are 0.25, 0.1 and 0.45.
    expect(all.map(({ members, nodes, state }) => [members, nodes, state])).toEqual([
      [[0, 2], [2], [1]],
      [
        [0, 1],
        [1, 2],
        [0, 1],
      ],
      [[1, 2], [2], [1]],
      [[0, 1, 2], [2], [1]],
    ]);
    expect(all.map(({ phi }) => Number(phi.toFixed(12)))).toEqual([0.25, 0.2, 0.1, 0.1]);
    expect(strongestRelations(three, 2)).toEqual(all.slice(0, 2));
    const { columns, rows } = placeRelations(all, (at) => three[at]?.phi ?? 0);
    expect(columns.map(({ of }) => of)).toEqual([2, 0, 1]);
    expect(rows.map(({ dots }) => dots.length)).toEqual([2, 2, 2, 3]);
  });
});

it("the command names the formalism and the nodes", () => {
  expect(commandLine(RUN, "f.json", [0, 1, 1], "fast", { nodes: [0, 2] }, IIT4)).toBe(
    "lightning-iit phi /r/f.json --state 0,1,1 --engine fast --formalism iit4-2023 --nodes 0,2",
  );
});

it("no number above 0 reads 0", () => {
  expect([0, 0.00002, -0.00002, -0.5, 0.25].map(phiText)).toEqual(["0", "2.00e−5", "−2.00e−5", "−0.5000", "0.2500"]);
  expect([0, 0.0004, 0.0154, null].map(shareText)).toEqual(["0 %", "below 0.1 %", "1.5 %", "–"]);
});

describe("words beside pictures", () => {
  const part = (nodes: number[], background: boolean) => ({ nodes, name: "", background });
  const words = (...parts: ReturnType<typeof part>[]) => backgroundWords({ parts, severed: () => false });
  it("say what units outside of the system are", () => {
    expect(words(part([0], false), part([2], false))).toBe("");
    expect(words(part([0], false), part([1], true))).toBe(
      "B is background: it is outside of the system that φ_s is of, and stays in its state.",
    );
    expect(words(part([0], false), part([1, 2], true))).toMatch(/^B C are background: they are outside/);
  });
  it("say of a Φ of 0 that cuts lose nothing", () => {
    expect(nothingLost(0)).toBe("several cuts lose nothing; one of them is drawn");
    for (const margin of [0.1, null]) expect(nothingLost(margin)).toBe("a cut that loses nothing is drawn");
  });
  it("have no word twice", () => {
    expect(kindOf({ part: "attention", kind: "attention", detail: "" })).toBe("attention");
    expect(kindOf({ part: "MLP", kind: "linear", detail: "" })).toBe("MLP · linear");
    expect(kindOf({ part: "", kind: "stream", detail: "sum" })).toBe("sum");
  });
});
