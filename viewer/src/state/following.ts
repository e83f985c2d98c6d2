// Has the server tell what is new of the runs that are looked at, while somebody looks.

import type { Source } from "../data/source";
import type { Hearing } from "../data/stream";
import type { AppState } from "./app";
import type { Store } from "./store";

export class Following {
  /** Whether the server tells what is new, so that nobody has to ask. */
  isTold = false;
  private key = "";
  private end = () => {};

  /** `refresh` asks the source for what is new, also of the list of runs where it is `full`. */
  constructor(
    private readonly source: Source,
    private readonly store: Store<AppState>,
    private readonly refresh: (full: boolean) => Promise<void>,
  ) {}

  /** Follows the runs that are looked at from now on; a page that is not seen is told nothing. */
  start(): void {
    if (!this.source.follow) return;
    this.store.on(["a", "b", "canPush"], () => this.settle());
    document.addEventListener("visibilitychange", () => this.settle());
  }

  stop(): void {
    this.end();
    this.key = "";
  }

  private settle(): void {
    const { a, b, canPush } = this.store.state;
    const runs = [...new Set([a, b].flatMap((side) => (side ? [side.run.id] : [])))];
    const key = canPush && !document.hidden ? JSON.stringify(runs) : "";
    if (key === this.key || !this.source.follow) return;
    this.end();
    this.key = key;
    this.store.set({ training: null, now: null });
    this.end = key ? this.source.follow(runs, this.hearing(runs[0] ?? "")) : () => {};
  }

  private hearing(run: string): Hearing {
    return {
      isTold: (told) => {
        // What was new while nobody told is asked for once.
        if (told && !this.isTold) void this.refresh(true);
        this.isTold = told;
        if (!told) this.store.set({ now: null });
      },
      runs: () => void this.refresh(true),
      records: () => void this.refresh(false),
      training: (training) => {
        if (training.run === run) this.store.set({ training });
      },
      activity: (now) => {
        if (now.run === run) this.store.set({ now });
      },
    };
  }
}
