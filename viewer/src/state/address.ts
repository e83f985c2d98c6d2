// What the address of the page holds of its state, behind the "#", and the way back.
import type { Unit } from "../data/types";
import type { Pose } from "../scene/camera";
import type { AppState } from "./app";

/** What is null is not in the address: the page then shows what it begins with. */
export interface Address {
  run: string | null;
  compare: string | null;
  /** The epoch of the second run where it is another than that of the first. */
  against: number | null;
  /** Whose record the panels show. */
  side: "a" | "b";
  formalism: string | null;
  layer: string | null;
  epoch: number | null;
  state: number[] | null;
  unit: Unit | null;
  tab: string | null;
  camera: Pose | null;
  /** Whether the tour is open. */
  tour: boolean;
}

/** An epoch that is followed is not in the address: whoever opens it sees the newest, too. */
export function addressOf(state: AppState): Address {
  const { a, b, shown, against, wantedFormalism, layer, epoch, follow, wanted, unit, tab, camera, tour } = state;
  return {
    run: a?.run.id ?? null,
    compare: b?.run.id ?? null,
    against: b ? against : null,
    side: b ? shown : "a",
    formalism: wantedFormalism,
    layer,
    epoch: follow ? null : epoch,
    state: wanted ? [...wanted.state] : null,
    unit,
    tab,
    camera,
    tour,
  };
}

/** What an address asks for and the page does not show, in words. */
export function missing({ run, compare, layer, epoch }: Address, { a, b, layer: shown, epoch: at }: AppState): string {
  const lost: [boolean, string | null][] = [
    [run !== null && a?.run.id !== run, run],
    [compare !== null && b?.run.id !== compare, compare],
    [layer !== null && Boolean(a?.index) && shown !== layer, layer],
    [epoch !== null && Boolean(a?.index) && at !== epoch, `epoch ${epoch}`],
  ];
  const names = lost.flatMap(([isLost, name]) => (isLost ? [name] : []));
  return names.length ? `The address asks for what is not here: ${names.join(", ")}.` : "";
}

export function written(address: Address): string {
  const { run, compare, against, side, formalism, layer, epoch, state, unit, tab, camera, tour } = address;
  const parts: [string, string | number | null | undefined][] = [
    ["run", run],
    ["compare", compare],
    ["against", against],
    ["side", side === "b" ? side : null],
    ["formalism", formalism],
    ["layer", layer],
    ["epoch", epoch],
    ["state", state?.join("")],
    ["unit", unit && `${unit.index}@${unit.layer}`],
    ["tab", tab],
    ["camera", camera && [...camera.position, ...camera.target].map((value) => Number(value.toPrecision(5))).join(",")],
    ["tour", tour ? "" : null],
  ];
  const query = new URLSearchParams();
  for (const [name, value] of parts) if (value !== null && value !== undefined) query.set(name, String(value));
  return query.toString().replaceAll("%2C", ",").replaceAll("%40", "@").replaceAll("%2F", "/");
}

/** What cannot be read is taken as not given. Null where neither a run nor the tour is given. */
export function read(hash: string): Address | null {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  if (!query.get("run") && !query.has("tour")) return null;
  const whole = (name: string) => (/^-?\d+$/.test(query.get(name) ?? "") ? Number(query.get(name)) : null);
  const [, index, layer] = /^(\d+)@(.+)$/.exec(query.get("unit") ?? "") ?? [];
  const state = query.get("state") ?? "";
  const places = (query.get("camera") ?? "").split(",").map(Number);
  const [x, y, z, u, v, w] = places.length === 6 && places.every(Number.isFinite) ? places : [];
  return {
    run: query.get("run"),
    compare: query.get("compare"),
    against: whole("against"),
    side: query.get("side") === "b" ? "b" : "a",
    formalism: query.get("formalism"),
    layer: query.get("layer"),
    epoch: whole("epoch"),
    state: /^[01]+$/.test(state) ? [...state].map(Number) : null,
    unit: index !== undefined && layer !== undefined ? { index: Number(index), layer } : null,
    tab: query.get("tab"),
    camera: w === undefined ? null : ({ position: [x, y, z], target: [u, v, w] } as Pose),
    tour: query.has("tour"),
  };
}
