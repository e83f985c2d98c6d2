import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { typesFrom } from "../scripts/typescript.mjs";

it("the types are those of the schema", async () => {
  const folder = new URL("../src/generated/", import.meta.url);
  const schema = JSON.parse(await readFile(new URL("schema.json", folder), "utf8"));
  expect(await readFile(new URL("records.ts", folder), "utf8")).toBe(await typesFrom(schema));
});
