// Writes src/generated/records.ts and studio.ts from schema.json and studio.json there (which Python wrote from its structs).
import { readFile, writeFile } from "node:fs/promises";
import { typesFrom } from "./typescript.mjs";

const folder = new URL("../src/generated/", import.meta.url);
for (const [from, to] of Object.entries({ "schema.json": "records.ts", "studio.json": "studio.ts" })) {
  const schema = JSON.parse(await readFile(new URL(from, folder), "utf8"));
  await writeFile(new URL(to, folder), await typesFrom(schema));
}
