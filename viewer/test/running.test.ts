import { describe, expect, it } from "vitest";
import type { Point } from "../src/layout/network";
import { momentAt } from "../src/parts/moment";
import { Pulses } from "../src/scene/pulses";
import { pulsesOf, strongest } from "../src/scene/running";
import type { Strand } from "../src/scene/strands";

const strand = (from: number, to: number, part: number, recurrent = false): Strand => ({
  from,
  to,
  part,
  recurrent,
  opacity: 1,
  color: "#e69f00",
  first: 0,
});
const neuron = (body: number, y = 0): { at: Point; body: number } => ({ at: [10 * body, y, 0], body });

describe("pulses", () => {
  it("run along the three strongest connections into each neuron", () => {
    const into = [0.1, 0.9, 0.4, 0.6, 0.5].map((part, from) => strand(from, 9, part));
    expect(strongest([...into, strand(0, 8, 0.01)])).toEqual([into[1], into[3], into[4], strand(0, 8, 0.01)]);
  });
  it("go from neuron to neuron, each layer after the one before, within a step", () => {
    const neurons = [neuron(0), neuron(1), neuron(1, 4), neuron(2), neuron(3)];
    const strands = [strand(0, 1, 1), strand(1, 2, 0.5, true), strand(1, 3, 1), strand(3, 4, 1), strand(0, 4, 0.2)];
    const found = pulsesOf(strands, [], neurons, 4, "#888888");
    const of = (from: Point, to: Point) => found.find((one) => String([one.from, one.to]) === String([from, to]));
    const first = of([0, 0, 0], [10, 0, 0]);
    const second = of([10, 0, 0], [20, 0, 0]);
    const third = of([20, 0, 0], [30, 0, 0]);
    const skip = of([0, 0, 0], [30, 0, 0]);
    const loop = of([10, 0, 0], [10, 4, 0]);
    expect(first?.bend).toEqual([5, 0, 0]);
    expect(loop?.bend[0]).toBeGreaterThan(11);
    expect(first?.arrives).toBeLessThan(second?.arrives as number);
    expect(second?.leaves).toBeLessThan(third?.leaves as number);
    expect((skip?.arrives as number) - (skip?.leaves as number)).toBeGreaterThan(0.6);
    for (const { leaves, arrives } of found) {
      expect(leaves).toBeGreaterThanOrEqual(0);
      expect(arrives).toBeGreaterThan(leaves);
      expect(arrives).toBeLessThanOrEqual(1);
    }
    expect([skip?.part, skip?.sources]).toEqual([0.2, [0]]);
  });
  it("do not run from a neuron to itself", () => {
    const found = pulsesOf([strand(0, 0, 1, true), strand(0, 1, 0.5)], [], [neuron(0), neuron(1)], 2, "#888888");
    expect(found.map(({ to }) => to)).toEqual([[10, 0, 0]]);
  });
  it("run where data flowed between bodies without weights, with the activity of all that is seen of the first", () => {
    const path: { from: Point; bend: Point; to: Point } = { from: [0, 0, 0], bend: [5, 7, 0], to: [10, 0, 0] };
    const [pulse] = pulsesOf([], [{ from: 0, to: 1, path, points: [] }], [neuron(0), neuron(1), neuron(0)], 2, "#888888");
    expect(pulse).toMatchObject({ ...path, sources: [0, 2], part: 1, color: "#888888" });
  });
  it("are as bright as the neurons that they leave are active and their connection is strong; the faintest are not drawn", () => {
    const neurons = [neuron(0), neuron(0, 4), neuron(1), neuron(1, 4)];
    const strands = [strand(0, 2, 1), strand(1, 2, 1), strand(0, 3, 0.25), strand(1, 3, 0.25)];
    const pulses = new Pulses();
    pulses.set(
      pulsesOf(
        strands,
        [{ from: 0, to: 1, path: { from: [0, 0, 0], bend: [5, 7, 0], to: [10, 0, 0] }, points: [] }],
        neurons,
        2,
        "#888888",
      ),
    );
    pulses.run("still");
    const glow = (...activity: number[]) => {
      pulses.light((place) => activity[place] ?? Number.NaN);
      return [...(pulses.mesh.geometry.getAttribute("glow").array as Float32Array)].map((value) => Number(value.toFixed(5)));
    };
    expect(glow(0.64, 0.16)).toEqual([0.8, 0.4, 0.4, 0.2, 0.63246]);
    expect(glow(0.16, 0.64)).toEqual([0.4, 0.8, 0.2, 0.4, 0.63246]);
    expect(glow(0.98, 0)).toEqual([0.98995, 0, 0.49497, 0, 0.7]);
    expect(pulses.shown).toBe(3);
    glow(0, 0);
    expect(pulses.shown).toBe(0);
  });
  it("are at rest where less motion is wanted, and the values go from step to step", () => {
    expect(momentAt(6.3, 4, true)).toEqual({ step: 2, beat: expect.closeTo(0.3) });
    expect(momentAt(6.9, 4, true).step).toBeGreaterThan(2.5);
    expect(momentAt(6.9, 4, false)).toEqual({ step: 2, beat: "still" });
  });
});
