import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { CARDS, PANELS } from "../src/panels";
import { sheetsOf } from "../src/parts/sheetWords";

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

it("every panel that shows something of a run has a sheet of its own, and every sheet a panel", async () => {
  const without = ["banner.ts", "empty.ts", "header.ts"];
  const names = (await files()).filter((name) => !without.includes(name));
  const sheets = await Promise.all(
    names.map(async (name) => (await readFile(new URL(name, folder), "utf8")).match(/about\("(\w+)"\)/)?.[1] ?? name),
  );
  expect(sheets.sort()).toEqual(Object.keys(sheetsOf("iit3")).sort());
});

it("every panel can be saved, but those that show no numbers of a record", async () => {
  const without = {
    "banner.ts": "says what went wrong",
    "command.ts": "a command to be copied; what it computed is in the other panels",
    "control.ts": "steers a training; nothing of it is in a record",
    "empty.ts": "there is nothing to show",
    "header.ts": "what is chosen",
  };
  const names = await files();
  const sources = await Promise.all(names.map((name) => readFile(new URL(name, folder), "utf8")));
  expect(names.filter((_, at) => !/\bfigures\b/.test(sources[at] ?? "")).sort()).toEqual(Object.keys(without).sort());
});
