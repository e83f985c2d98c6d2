import { readdir } from "node:fs/promises";
import { expect, it } from "vitest";
import { CARDS, PANELS } from "../src/panels";

const folder = new URL("../src/panels/", import.meta.url);
const files = async () => (await readdir(folder)).filter((name) => !["index.ts", "panel.ts"].includes(name));

it("the list holds a panel of every file in the folder, and no panel twice", async () => {
  const makers = PANELS.map(({ make }) => make);
  for (const name of await files()) {
    const exported = Object.values(await import(new URL(name, folder).href));
    expect(exported.filter((value) => makers.includes(value as (typeof makers)[number])).length, name).toBe(1);
  }
  expect(new Set(makers).size).toBe((await files()).length);
  expect(makers.length).toBe(new Set(makers).size);
});

it("every card on the right has a panel", () => {
  const places = new Set(PANELS.map(({ place }) => place));
  expect(CARDS.filter(({ id }) => !places.has(id))).toEqual([]);
});
