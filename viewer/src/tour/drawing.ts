// The system of the tour as a picture: circles that are turned ON and OFF, arrows that are cut.
import { s } from "../dom";
import type { Cut } from "../engine/repertoires";
import { letter } from "./names";
import type { Setup } from "./systems";
import { connection, connectionsOf, N } from "./systems";

const PLACES: [number, number][] = [
  [180, 78],
  [286, 252],
  [74, 252],
];
const MIDDLE: [number, number] = [180, 194];
const RADIUS = 33;

interface Acts {
  flip: (node: number) => void;
  sever: ((from: number, to: number) => void) | null;
}

/** @param weakest the cut to be marked, if any. */
export function drawing(setup: Setup, weakest: Cut | null, acts: Acts): SVGElement {
  const arrows = connectionsOf(setup.kind).map(([from, to]) => arrow(setup, from, to, weakest, acts.sever));
  const circles = PLACES.map((_, node) => circle(node, Boolean((setup.state >> node) & 1), () => acts.flip(node)));
  return s(
    "svg",
    { class: "tour-system", viewBox: "0 0 360 330", role: "group", "aria-label": "The system" },
    ...arrows,
    ...circles,
  );
}

/** What a pointer presses, and Enter and the space bar too. */
function button(name: string, key: string, pressed: boolean, act: () => void): Record<string, unknown> {
  return {
    role: "button",
    tabindex: 0,
    "data-key": key,
    "aria-label": name,
    "aria-pressed": String(pressed),
    onclick: act,
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
  };
}

function circle(node: number, on: boolean, flip: () => void): SVGElement {
  const [x, y] = PLACES[node] ?? MIDDLE;
  return s(
    "g",
    { class: `tour-node ${on ? "on" : "off"}`, transform: `translate(${x} ${y})` },
    s(
      "g",
      button(`Part ${letter(node)} is ON`, `node-${node}`, on, flip),
      s("circle", { class: "halo", r: RADIUS + 5 }),
      s("circle", { class: "body", r: RADIUS }),
    ),
    s("text", { class: "tour-letter", y: 2 }, letter(node)),
    s("text", { class: "tour-state", y: 18 }, on ? "ON" : "OFF"),
  );
}

function arrow(setup: Setup, from: number, to: number, weakest: Cut | null, sever: Acts["sever"]): SVGElement {
  const isCut = setup.cut.has(connection(from, to));
  const isWeakest = weakest !== null && !isCut && Boolean((weakest.from >> from) & 1 && (weakest.to >> to) & 1);
  const { path, middle, head } = from === to ? loop(from) : curve(from, to);
  const names = `Connection from ${letter(from)} to ${letter(to)}`;
  const presses = sever ? button(`${names} is cut`, `arrow-${from}-${to}`, isCut, () => sever(from, to)) : {};
  const cross = isCut || isWeakest;
  return s(
    "g",
    { class: ["tour-arrow", isCut && "cut", isWeakest && "weakest", sever && "open"].filter(Boolean).join(" "), ...presses },
    s("path", { class: "hit", d: path }),
    s("path", { class: "line", d: path }),
    s("path", { class: "head", d: "M0 0L-11 -5.5V5.5Z", transform: head }),
    cross && s("path", { class: "cross", d: "M-6 -6L6 6M6 -6L-6 6", transform: `translate(${middle.join(" ")})` }),
  );
}

/** A bow from one circle to another; that of the other direction lies on the other side. */
function curve(from: number, to: number) {
  const [[x1, y1], [x2, y2]] = [PLACES[from] ?? MIDDLE, PLACES[to] ?? MIDDLE];
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [u, v] = [(x2 - x1) / length, (y2 - y1) / length];
  const bow = (to - from + N) % N === 1 ? 30 : 26;
  const [mx, my] = [(x1 + x2) / 2 + v * bow, (y1 + y2) / 2 - u * bow];
  const edge = (x: number, y: number, gap: number): [number, number] => {
    const away = Math.hypot(mx - x, my - y);
    return [x + ((mx - x) / away) * (RADIUS + gap), y + ((my - y) / away) * (RADIUS + gap)];
  };
  const [[ax, ay], [bx, by]] = [edge(x1, y1, 3), edge(x2, y2, 5)];
  const angle = (Math.atan2(by - my, bx - mx) * 180) / Math.PI;
  return {
    path: `M${ax} ${ay}Q${mx} ${my} ${bx} ${by}`,
    middle: [(ax + 2 * mx + bx) / 4, (ay + 2 * my + by) / 4],
    head: `translate(${bx} ${by}) rotate(${angle})`,
  };
}

/** A loop on the side that points away from the middle. */
function loop(node: number) {
  const [x, y] = PLACES[node] ?? MIDDLE;
  const out = Math.atan2(y - MIDDLE[1], x - MIDDLE[0]);
  const at = (angle: number, away: number): [number, number] => [
    x + Math.cos(out + angle) * away,
    y + Math.sin(out + angle) * away,
  ];
  const [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = [at(-0.5, RADIUS + 2), at(-0.72, 84), at(0.72, 84), at(0.5, RADIUS + 5)];
  const angle = (Math.atan2(dy - cy, dx - cx) * 180) / Math.PI;
  return {
    path: `M${ax} ${ay}C${bx} ${by} ${cx} ${cy} ${dx} ${dy}`,
    middle: at(0, 71),
    head: `translate(${dx} ${dy}) rotate(${angle})`,
  };
}
