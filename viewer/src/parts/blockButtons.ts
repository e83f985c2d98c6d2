// A button for each block of a network, at its body: it opens the block, or closes it again.
import type { NetworkSnapshot } from "../data/types";
import { fill, h } from "../dom";
import { partsOf } from "../layout/blocks";
import type { Taken } from "../layout/labels";
import { takePlace } from "../layout/labels";
import type { PlacedLayer } from "../layout/network";
import type { NetworkScene } from "../scene/scene";
import { oneTabStop } from "./oneTabStop";
import type { Fonts } from "./textWidth";
import { textWidth } from "./textWidth";

/** Where the title of an open block is tried: so many rows above it, moved sideways by parts of its width, and at last over it. */
const ROWS = [0, 1, 2, 3, 4, -1, -2];
const ASIDE = [0, -0.5, 0.5, -1, 1];

export interface BlockButtons {
  element: HTMLElement;
  /** Makes the buttons of a network; of the same blocks they stay, with the focus that one may have. */
  set(network: Pick<NetworkSnapshot, "layers" | "blocks"> | null, open: ReadonlySet<string>): void;
  /** The button of a closed block, which is its name. */
  elementOf(body: PlacedLayer): HTMLElement | null;
  /** Puts the buttons of open blocks above them; those that found no room are seen only while they have the focus. */
  settle(
    scene: NetworkScene,
    short: (name: string) => string,
    taken: { words: Taken; fonts: Fonts },
    named: ReadonlySet<HTMLElement>,
  ): void;
}

export function blockButtons(toggle: (block: string) => void): BlockButtons {
  const element = h("div", { class: "blocks", role: "group", "aria-label": "Blocks of the network" });
  oneTabStop(element, "button");
  let buttons: HTMLButtonElement[] = [];
  let names: string[] = [];
  let open: ReadonlySet<string> = new Set();
  return {
    element,
    set(network, now) {
      open = now;
      const blocks = network?.blocks ?? [];
      if (JSON.stringify(blocks.map(({ name }) => name)) !== JSON.stringify(names)) {
        names = blocks.map(({ name }) => name);
        buttons = names.map((name) => h("button", { type: "button", class: "layer-name", onclick: () => toggle(name) }));
        fill(element, ...buttons);
      }
      blocks.forEach(({ name, kind, layers }, at) => {
        buttons[at]?.setAttribute("aria-expanded", String(open.has(name)));
        buttons[at]?.setAttribute("aria-label", `${name}, ${kind} · ${network ? partsOf(network, layers) : ""}`);
      });
    },
    elementOf: ({ closed, block }) => (closed && block !== null ? (buttons[block] ?? null) : null),
    settle(scene, short, { words, fonts }, named) {
      buttons.forEach((button, at) => {
        const name = names[at] as string;
        if (named.has(button)) return button.classList.remove("tight");
        const bodies = scene.layers.filter(({ block }) => block === at);
        const tops = bodies.map(({ x, radius }) => scene.projectPoint([x, radius + 1.6, 0]));
        const text = `${open.has(name) ? "▾" : "▸"} ${short(name)}`;
        const size = { width: textWidth(text, fonts.name) + 6, height: 18 };
        const x = tops.reduce((sum, top) => sum + top.x, 0) / Math.max(1, tops.length) - size.width / 2;
        const top = Math.min(...tops.map(({ y }) => y)) - size.height;
        const inside = (left: number) => Math.max(2, Math.min(element.clientWidth - size.width - 2, left));
        const left = inside(x);
        const places = ROWS.flatMap((row) =>
          ASIDE.map((by) => ({ x: inside(x + by * size.width), y: Math.max(2, top - row * size.height) })),
        );
        const box = open.has(name) ? takePlace(places, size, words) : null;
        button.classList.toggle("tight", box === null);
        button.classList.remove("current");
        fill(button, h("b", {}, text));
        const place = box ?? { left, right: left + size.width, top: Math.max(2, top) };
        button.style.transform = `translate(-50%, 0) translate(${(place.left + place.right) / 2}px, ${place.top}px)`;
      });
    },
  };
}
