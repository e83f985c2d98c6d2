// One state, changed in one way, told to those who asked for the parts that changed.

export type Listener<T> = (state: T, before: T) => void;

interface Entry<T> {
  keys: (keyof T)[];
  call: Listener<T>;
  failed: boolean;
}

export class Store<T extends object> {
  private readonly listeners = new Set<Entry<T>>();

  constructor(private current: T) {}

  get state(): Readonly<T> {
    return this.current;
  }

  set(change: Partial<T>): void {
    const before = this.current;
    const after = { ...before, ...change };
    const changed = (Object.keys(change) as (keyof T)[]).filter((key) => !Object.is(before[key], after[key]));
    if (!changed.length) return;
    this.current = after;
    for (const listener of [...this.listeners]) {
      // One that was called before this may have ended it.
      if (this.listeners.has(listener) && listener.keys.some((key) => changed.includes(key))) this.tell(listener, before);
    }
  }

  /** Calls now and whenever one of the keys changes; the answer ends it. Its first exception is reported, and stops nobody else. */
  on(keys: (keyof T)[], call: Listener<T>): () => void {
    const entry = { keys, call, failed: false };
    this.listeners.add(entry);
    this.tell(entry, this.current);
    return () => this.listeners.delete(entry);
  }

  private tell(entry: Entry<T>, before: T): void {
    try {
      entry.call(this.current, before);
    } catch (error) {
      // biome-ignore lint/suspicious/noConsole: whoever looks into the fault finds it there
      if (!entry.failed) console.error("A part of the page cannot show this:", error);
      entry.failed = true;
    }
  }
}
