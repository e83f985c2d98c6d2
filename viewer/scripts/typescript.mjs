// The one way in which TypeScript types are made of the schema: used by the script and by the test that they agree.
import { compile } from "json-schema-to-typescript";

// Tuples are `prefixItems` in today's JSON schema and `items` in the one that the compiler reads.
const olderTuples = (part) => {
  if (Array.isArray(part)) return part.map(olderTuples);
  if (part === null || typeof part !== "object") return part;
  const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, olderTuples(value)]));
  if (copy.prefixItems) {
    copy.items = copy.prefixItems;
    copy.minItems = copy.maxItems = copy.prefixItems.length;
    delete copy.prefixItems;
  }
  return copy;
};

export const typesFrom = (schema) =>
  compile(olderTuples(schema), "Everything", {
    bannerComment: "// Generated from the Python structs by `npm run types`. Do not edit.",
    additionalProperties: false,
    maxItems: 4,
  });
