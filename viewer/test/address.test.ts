import { describe, expect, it } from "vitest";
import type { Address } from "../src/state/address";
import { read, written } from "../src/state/address";

const whole: Address = {
  run: "logs/a b&c=#1",
  compare: "ü/2",
  against: -1,
  side: "b",
  formalism: "iit4-2023",
  layer: "net.0@x",
  epoch: 12,
  state: [0, 1, 1],
  unit: { index: 4, layer: "net.0@x" },
  tab: "tpm",
  camera: { position: [1.25, -2, 3], target: [0, 0.5, 1e-5] },
  tour: true,
};

describe("the address", () => {
  it("holds all of what it is made of, whatever names are", () => {
    expect(read(`#${written(whole)}`)).toEqual(whole);
  });

  it("holds nothing of what is null", () => {
    const nothing = { compare: null, against: null, side: "a", formalism: null, layer: null, epoch: null } as const;
    const address: Address = { run: "r", ...nothing, state: null, unit: null, tab: null, camera: null, tour: false };
    expect(written(address)).toBe("run=r");
    expect(read("#run=r")).toEqual(address);
  });

  it("takes what cannot be read as not given", () => {
    const found = read("#run=r&epoch=x&against=1e3&state=012&unit=a@b&camera=1,2,3,4,5,NaN&side=c");
    expect(found).toMatchObject({ epoch: null, against: null, state: null, unit: null, camera: null, side: "a" });
    expect(read("#iit")).toBeNull();
    expect(read("#tour")).toMatchObject({ run: null, tour: true });
    expect(read("")).toBeNull();
  });
});
