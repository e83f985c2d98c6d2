// Writes src/generated/records.ts from src/generated/schema.json (which Python wrote from its structs).
import { readFile, writeFile } from "node:fs/promises";
import { typesFrom } from "./typescript.mjs";

const folder = new URL("../src/generated/", import.meta.url);
const schema = JSON.parse(await readFile(new URL("schema.json", folder), "utf8"));
await writeFile(new URL("records.ts", folder), await typesFrom(schema));
