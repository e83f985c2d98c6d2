// What a panel is, and what it is given.
import type { Tip } from "../parts/tip";
import type { Probe } from "../probe";
import type { Figure } from "../save/figure";
import type { AppState } from "../state/app";
import type { Controller } from "../state/controller";
import type { Store } from "../state/store";

/** What every panel is given. */
export interface Context {
  store: Store<AppState>;
  controller: Controller;
  tip: Tip;
}

/**
 * A part of the page: one file in this folder that exports a `MakePanel`, and one line in `index.ts` that says where it stands.
 *
 * The function builds the element once and keeps it up to date by itself: `store.on(parts, draw)` calls `draw` now, and again
 * whenever one of these parts of the state changes. Panels do not know each other: a panel writes into the store or asks the
 * controller, and the other panels hear of it from the store.
 */
export interface Panel {
  readonly element: HTMLElement;
  /** What a key of the keyboard (`KeyboardEvent.key`) does in the whole page, except while a person types into a field. */
  readonly keys?: Readonly<Record<string, () => void>>;
  /** What scripts and tests may read of this panel, as a part of `window.lightningIIT`. */
  readonly probe?: Partial<Probe>;
  /** What of this panel can be saved as files. */
  readonly figures?: readonly Figure[];
}

export type MakePanel = (context: Context) => Panel;
