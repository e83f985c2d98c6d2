// What every panel is given.
import type { AppState } from "../state/app";
import type { Controller } from "../state/controller";
import type { Store } from "../state/store";
import type { Tip } from "./tip";

export interface Context {
  store: Store<AppState>;
  controller: Controller;
  tip: Tip;
}
