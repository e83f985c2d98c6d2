import { describe, expect, it } from "vitest";
import type { Computed, EpochRecord } from "../src/data/types";
import { conceptsCsv, csv, curveCsv, tpmCsv } from "../src/save/csv";
import { fileName } from "../src/save/figure";
import { filmed } from "../src/save/film";
import { withDuration } from "../src/save/webm";
import { even } from "../src/scales/ticks";
import { index, row } from "./rows";

describe("CSV", () => {
  it("quotes what would be taken for an end of a cell", () => {
    expect(csv([["a,b", 'say "x"', "two\nlines", null, 0.1]])).toBe('"a,b","say ""x""","two\nlines",,0.1\r\n');
  });

  it("has every layer and epoch with the numbers to the last digit", () => {
    const rows = [row("x", 0, { phi_layer: 0.1 + 0.2, low: null }), row("y,z", -1, { status: "failed", reason: "why" })];
    const lines = curveCsv([{ name: "r", index: index(rows) }]).split("\r\n");
    const heads = lines[0]?.split(",") ?? [];
    const first = lines[1]?.split(",") ?? [];
    expect(first[heads.indexOf("phi_layer")]).toBe("0.30000000000000004");
    expect(first[heads.indexOf("low")]).toBe("");
    expect(lines[2]).toMatch(/^r,"y,z",-1,.*,failed,.*,why$/);
  });

  it("has concepts by letters and the TPM by states", () => {
    const concept = { mechanism: [0, 2], cause_purview: [1], effect_purview: [0], cause_phi: 0.25, effect_phi: 0.125 };
    const concepts = conceptsCsv({ concepts: [concept] } as unknown as Computed, "statistical");
    expect(concepts).toContain("A C,B,A,0.25,0.125,0.125,statistical\r\n");
    const tpm = { state_by_node: [[0.1], [1 / 3]], visited: [true, false], prior: 0.5 };
    const record = { tpm, counts: { visits: [3, 0], on: [], joint: [] }, kind: "causal" } as unknown as EpochRecord;
    expect(tpmCsv(record)).toBe("state,visited,visits,kind,A\r\n0,true,3,causal,0.1\r\n1,false,0,causal,0.3333333333333333\r\n");
  });
});

describe("files", () => {
  it("have names that every file system takes", () => {
    expect(fileName(["curve", "logs/../a b:c", "net.0*", "epoch=-1"], "svg")).toBe("curve_logs-..-a-b-c_net.0_epoch=-1.svg");
  });
});

describe("a film", () => {
  it("shows the first and the last epoch of a long training", () => {
    const epochs = filmed(
      Array.from({ length: 1001 }, (_, at) => at - 1),
      200,
    );
    expect([epochs.length, epochs[0], epochs.at(-1)]).toEqual([200, -1, 999]);
    expect(filmed([0, 1], 200)).toEqual([0, 1]);
  });

  it("gets its length written into it, once", () => {
    const head = [0x1a, 0x45, 0xdf, 0xa3, 0x80];
    const segment = [0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255];
    const scale = [0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40];
    const cluster = [0x1f, 0x43, 0xb6, 0x75, 0x81, 7];
    const film = Uint8Array.from([...head, ...segment, 0x15, 0x49, 0xa9, 0x66, 0x80 + scale.length, ...scale, ...cluster]);
    const long = withDuration(film, 2.5);
    const at = [...long].findIndex((byte, i) => byte === 0x44 && long[i + 1] === 0x89 && long[i + 2] === 0x88);
    expect(new DataView(long.buffer).getFloat64(at + 3)).toBe(2500);
    expect([...long.slice(-cluster.length)]).toEqual(cluster);
    expect(withDuration(long, 9)).toEqual(long);
    const other = Uint8Array.from([1, 2, 3]);
    expect(withDuration(other, 1)).toBe(other);
  });
});

describe("an axis", () => {
  it("has round values between its ends", () => {
    expect(even(0, 0.23)).toEqual([0, 0.1, 0.2]);
    expect(even(-0.02, 0.05)).toEqual([-0.02, 0, 0.02, 0.04]);
  });
});
