import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

it("docs/tour.html is what `make tour` makes", { timeout: 120_000 }, async () => {
  const { build } = await import("vite");
  const made = await build({
    configFile: new URL("../vite.tour.config.ts", import.meta.url).pathname,
    mode: "production",
    logLevel: "warn",
    build: { write: false },
  });
  const files = [made].flat().flatMap((one) => ("output" in one ? one.output : []));
  expect(files.map(({ fileName }) => fileName)).toEqual(["tour.html"]);
  const page = files[0]?.type === "asset" ? String(files[0].source) : "";
  expect(page).toBe(await readFile(new URL("../../docs/tour.html", import.meta.url), "utf8"));
});
