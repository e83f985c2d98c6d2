// Records from the server beside which this module lies.
import type { Asked } from "./results";
import type { Source } from "./source";
import type { Hearing } from "./stream";
import { hear } from "./stream";
import type {
  AnswerList,
  CommandRequest,
  ComputeRequest,
  EpochRecord,
  NetworkSnapshot,
  RunIndex,
  RunList,
  ScalarList,
  Told,
} from "./types";

interface Answer {
  tag: string;
  value: unknown;
}

export class HttpSource implements Source {
  readonly live = true;
  /** The last answer to each list that is asked for again and again, so that no news costs no parsing. */
  private readonly last = new Map<string, Answer>();

  constructor(
    private readonly base: URL,
    private readonly token = "",
  ) {}

  get mayCommand(): boolean {
    return this.token !== "";
  }

  runs(): Promise<RunList> {
    return this.get("runs", {}, true);
  }

  index(run: string): Promise<RunIndex> {
    return this.get("index", { run }, true);
  }

  record(run: string, layer: string, epoch: number): Promise<EpochRecord> {
    return this.get("record", { run, layer, epoch: String(epoch) });
  }

  async recordText(run: string, layer: string, epoch: number): Promise<string> {
    const url = this.url("record", { run, layer, epoch: String(epoch) });
    const response = await fetch(url, { cache: "no-cache" });
    if (!response.ok) await answer(response);
    return response.text();
  }

  network(run: string, epoch: number): Promise<NetworkSnapshot> {
    return this.get("network", { run, epoch: String(epoch) });
  }

  scalars(run: string): Promise<ScalarList> {
    return this.get("scalars", { run });
  }

  answers(run: string): Promise<AnswerList> {
    return this.get("answers", { run });
  }

  async compute(request: ComputeRequest): Promise<Asked> {
    return (await this.post("compute", request, this.own)) as Asked;
  }

  async command(request: CommandRequest): Promise<Told> {
    return (await this.post("command", request, this.own)) as Told;
  }

  follow(runs: readonly string[], hearing: Hearing): () => void {
    const url = new URL("live", this.base);
    for (const run of runs) url.searchParams.append("run", run);
    return hear(url, hearing);
  }

  /** Without the token an answer is not kept with the run, and a command is refused. */
  private get own(): Record<string, string> {
    return this.token ? { "X-IIT-Token": this.token } : {};
  }

  private async post(route: string, request: object, headers: Record<string, string> = {}): Promise<unknown> {
    const response = await fetch(new URL(route, this.base), {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(request),
    });
    return answer(response);
  }

  private url(route: string, query: Record<string, string>): URL {
    const url = new URL(route, this.base);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  }

  private async get<T>(route: string, query: Record<string, string>, keep = false): Promise<T> {
    const url = this.url(route, query);
    const response = await fetch(url, { cache: "no-cache" });
    const tag = response.headers.get("ETag") ?? "";
    const known = this.last.get(url.href);
    if (known && tag && known.tag === tag) {
      await response.body?.cancel();
      return known.value as T;
    }
    const value = await answer(response);
    if (keep) this.last.set(url.href, { tag, value });
    return value as T;
  }
}

async function answer(response: Response): Promise<unknown> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The server's answer cannot be read (status ${response.status}).`);
  }
  if (!response.ok) throw new Error(problem(value) ?? `The server answered with status ${response.status}.`);
  return value;
}

function problem(value: unknown): string | null {
  const error = (value as { error?: unknown } | null)?.error;
  return typeof error === "string" ? error : null;
}
