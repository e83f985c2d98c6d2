// One state, changed in one way, told to those who asked for the parts that changed.

export type Listener<T> = (state: T, before: T) => void;

export class Store<T extends object> {
  private readonly listeners = new Set<{ keys: (keyof T)[]; call: Listener<T> }>();

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
      if (this.listeners.has(listener) && listener.keys.some((key) => changed.includes(key))) listener.call(this.current, before);
    }
  }

  /** Calls now and whenever one of the keys changes; the answer ends it. */
  on(keys: (keyof T)[], call: Listener<T>): () => void {
    const entry = { keys, call };
    this.listeners.add(entry);
    call(this.current, this.current);
    return () => this.listeners.delete(entry);
  }
}
