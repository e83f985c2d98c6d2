// What the server pushes: server-sent events of new records, of a training, and of what its units do.
import type { LiveStep, TrainingState } from "./types";

/** Who hears what is new. */
export interface Hearing {
  /** The server tells from now on, or does so no more. */
  isTold(told: boolean): void;
  /** The list of runs has changed. */
  runs(): void;
  /** The records of a run have changed. */
  records(run: string): void;
  training(state: TrainingState): void;
  activity(step: LiveStep): void;
}

/** Hears what is new of some runs, until the answer is called; a stream that breaks is opened again by the browser. */
export function hear(url: URL, hearing: Hearing): () => void {
  const events = new EventSource(url);
  const on = <T>(name: string, act: (data: T) => void) =>
    events.addEventListener(name, (event) => act(JSON.parse((event as MessageEvent<string>).data) as T));
  events.addEventListener("open", () => hearing.isTold(true));
  events.addEventListener("error", () => hearing.isTold(false));
  on("runs", () => hearing.runs());
  on<string>("records", (run) => hearing.records(run));
  on<TrainingState>("training", (state) => hearing.training(state));
  on<LiveStep>("activity", (step) => hearing.activity(step));
  return () => {
    events.close();
    hearing.isTold(false);
  };
}
