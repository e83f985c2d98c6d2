import { describe, expect, it } from "vitest";
import type { Field } from "../src/generated/studio";
import { runningFirst } from "../src/studio/order";
import {
  comingWords,
  courseWords,
  epochWords,
  filledValue,
  isAlive,
  labelOf,
  part,
  phiWords,
  seedsOf,
  shown,
  whenWords,
} from "../src/studio/words";

const field = (given: Partial<Field> = {}): Field => ({ default: null, description: "", enum: [], type: null, ...given });

describe("the list of trainings", () => {
  it("begins with those that run, then those that wait; else it is as it was", () => {
    const phases = ["waiting", "done", "paused", "failed", "running", "waiting", "ending", "done"] as const;
    const jobs = phases.map((phase, at) => ({ phase, at }));
    expect(runningFirst(jobs).map(({ at }) => at)).toEqual([2, 4, 6, 0, 5, 1, 3, 7]);
  });
});

describe("seeds", () => {
  it("are single numbers and ranges", () => {
    expect(seedsOf("0")).toEqual([0]);
    expect(seedsOf("3, 1 7-9")).toEqual([3, 1, 7, 8, 9]);
    expect(seedsOf("0-19")).toHaveLength(20);
  });
  it("are refused where they cannot be read, are too many, or the same", () => {
    for (const text of ["", "x", "1.5", "-1", "3-1", "0-20", "0-9 10-20", "1, 1", "2, 1-3", "9999999999"]) {
      expect(seedsOf(text), text).toBeNull();
    }
  });
});

describe("a field", () => {
  it("is left out where nothing is written, or the default", () => {
    expect(filledValue(field({ type: "integer", default: 32 }), " ")).toBeUndefined();
    expect(filledValue(field({ type: "integer", default: 32 }), "32")).toBeUndefined();
    expect(filledValue(field({ default: [0, 1] }), "[0,1]")).toBeUndefined();
    expect(filledValue(field({ default: null }), "none")).toBeUndefined();
  });
  it("is a number where it is one, else as it is written", () => {
    expect(filledValue(field({ type: "integer", default: 32 }), "16")).toBe(16);
    expect(filledValue(field({ type: "number", default: 0.003 }), "1e-2")).toBe(0.01);
    expect(filledValue(field({ default: "auto" }), "4")).toBe("4");
    expect(filledValue(field({ type: "string", default: null }), " text.txt ")).toBe("text.txt");
  });
  it("shows its default as a person would write it", () => {
    expect([null, "auto", 0.5, [0, 1], true].map(shown)).toEqual(["none", "auto", "0.5", "[0,1]", "true"]);
    expect(labelOf("learning_rate")).toBe("Learning rate");
  });
});

describe("a training", () => {
  it("is as far as its epochs", () => {
    expect(part({ epoch: null, epochs: 4, phase: "waiting" })).toBe(0);
    expect(part({ epoch: 1, epochs: 4, phase: "running" })).toBe(0.25);
    expect(part({ epoch: 1, epochs: 4, phase: "done" })).toBe(1);
    const job = { epoch: 1, epochs: 4, phase: "running", step: 900 } as const;
    expect(epochWords({ ...job, epoch: null })).toBe("4 epochs");
    expect(epochWords(job)).toBe("Epoch 1 (2 of 4)");
    expect(epochWords({ ...job, epoch: 3, phase: "done", step: 8628 })).toBe("4 of 4 epochs · step 8,628");
    expect(epochWords({ ...job, phase: "done", step: null })).toBe("2 of 4 epochs");
  });
  it("can be stopped until it has ended", () => {
    const phases = ["waiting", "running", "paused", "ending", "done", "failed", "killed", "stopped"] as const;
    expect(phases.filter((phase) => isAlive({ phase }))).toEqual(["waiting", "running", "paused", "ending"]);
  });
  it("says what comes where there is no Φ yet", () => {
    const courses = [{ layer: "a", epochs: [0], phis: [0.1], kind: "causal" as const, formalism: "iit3" }];
    expect(comingWords({ phase: "running", epoch: null, courses: [] })).toContain("It begins");
    for (const phase of ["running", "paused", "ending"] as const) {
      expect(comingWords({ phase, epoch: 3, courses: [] })).toBe("Φ comes when its first analysis has ended.");
      expect(comingWords({ phase, epoch: 3, courses })).toBe("");
    }
    for (const phase of ["waiting", "done", "failed"] as const) expect(comingWords({ phase, epoch: null, courses: [] })).toBe("");
  });
  it("says of a layer without connections that its Φ is 0 by structure", () => {
    const course = { layer: "a", epochs: [-1, 0], phis: [0.0114, 0.03], formalism: "iit3" };
    expect(phiWords({ ...course, kind: "causal" })).toEqual({ now: "0.0300", words: "causal, IIT 3.0, epoch 0, 0.0114 untrained" });
    expect(phiWords({ ...course, kind: "statistical" })).toEqual({
      now: "0 by structure",
      words: "Φ counted from the data 0.0300, epoch 0, 0.0114 untrained (IIT 3.0)",
    });
    expect(phiWords({ ...course, epochs: [0], phis: [0.2], kind: "observational" }).words).toBe("observational, IIT 3.0, epoch 0");
    expect(phiWords({ ...course, epochs: [], phis: [], kind: "causal" }).now).toBe("–");
  });
  it("says when it was asked for", () => {
    const at = new Date(2026, 2, 3, 14, 5);
    expect(whenWords(at.getTime() / 1000, at)).toBe("14:05");
    expect(whenWords(at.getTime() / 1000, new Date(2026, 2, 4))).toBe("2026-03-03 14:05");
  });
});

it("a number of a layer has its unit, its kind and its epochs", () => {
  const course = { epochs: [-1, 0, 1], phis: [0.1, 0.2, 0.3], kind: "causal", formalism: "iit3", layer: "x" };
  expect(courseWords(course)).toBe(
    "Φ of the layer, causal, IIT 3.0, an earth mover's distance; the line goes from the untrained network to epoch 1.",
  );
  expect(courseWords({ ...course, epochs: [3], formalism: "iit4-2026" })).toBe(
    "φ_s of the layer, causal, IIT 4.0 (2026), in ibits.",
  );
});
